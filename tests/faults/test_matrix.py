"""The table of faults and the tests agree: each row names a test that is there, or says that it is not kept."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
THREATS = ROOT / "docs" / "threats.md"
ROWS = {"N": 24, "H": 19, "D": 21, "T": 7, "P": 20, "E": 14, "C": 12, "S": 16, "W": 11}
"""How many faults each section has."""
_ROW = re.compile(r"^\| ([A-Z])(\d+) \|(.*)\|$", re.MULTILINE)
_TEST = re.compile(r"`([\w/.-]+\.py)((?:::\w+)+)`")


def rows() -> dict[str, dict[int, str]]:
    """The text of each row, by the letter of its section and its number."""
    found: dict[str, dict[int, str]] = {}
    for letter, number, text in _ROW.findall(PAGE.read_text(encoding="utf-8")):
        assert int(number) not in found.setdefault(letter, {}), f"{letter}{number} stands there twice"
        found[letter][int(number)] = text
    return found


@cache
def named_in(file: Path) -> frozenset[str]:
    """The tests that pytest would find in a file, those of a class after its name."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{one.name}" for one in node.body if _is_test(one)}
        elif _is_test(node):
            names.add(node.name)
    return frozenset(names)


def _is_test(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def unknown(text: str) -> list[str]:
    """The tests that a text names and that are not there."""
    return [
        path + name
        for path, name in _TEST.findall(text)
        if not (ROOT / path).is_file() or name.removeprefix("::") not in named_in(ROOT / path)
    ]


@pytest.mark.parametrize("letter", sorted(rows()))
def test_every_fault_of_a_section_has_its_row_and_every_row_a_test(letter: str) -> None:
    section = rows()[letter]
    assert sorted(section) == list(range(1, ROWS[letter] + 1))
    assert [
        f"{letter}{n}" for n, text in section.items() if not (_TEST.search(text) or "not kept:" in text)
    ] == []
    assert [name for text in section.values() for name in unknown(text)] == []


def test_every_threat_names_tests_that_are_there() -> None:
    text = THREATS.read_text(encoding="utf-8")
    assert len(_TEST.findall(text)) > 15
    assert unknown(text) == []
