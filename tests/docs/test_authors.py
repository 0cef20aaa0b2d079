"""The author's page is true: its blocks are run from top to bottom, in the package that its first command writes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "authors.md"
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    kind: str
    file: str
    text: str


class Reader:
    """Somebody who follows the page: writes what is to be written, types what is to be typed."""

    def __init__(self, directory: Path, module: ModuleType) -> None:
        self.package = directory / "feedmux-example"
        self.said = vars(module)
        self._directory = directory

    def follow(self, block: Block) -> None:
        if block.file:
            (self.package / block.file).write_text(block.text)
        if block.kind == "console":
            self._type(block.text)
        elif block.kind == "toml":
            self._compare(tomllib.loads(block.text))
        elif block.kind == "python":
            run(block, self.said)
        else:
            assert block.file, f"nobody runs {block.kind}"

    def _type(self, text: str) -> None:
        *_, command = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
        binaries = Path(sys.executable).parent
        environment = {
            **os.environ,
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": "src",
        }
        where = self.package if self.package.exists() else self._directory
        ran = subprocess.run(
            shlex.split(command), cwd=where, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        for expected in text.splitlines():
            assert expected.startswith("$ ") or expected in ran.stdout

    def _compare(self, told: dict[str, Any]) -> None:
        """What the page shows of pyproject.toml is what was written."""
        written = tomllib.loads((self.package / "pyproject.toml").read_text())["project"]
        for name, value in told["project"].items():
            assert written[name] == value


def run(block: Block, said: dict[str, Any]) -> None:
    exec(compile(block.text, str(PAGE), "exec", dont_inherit=True), said)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that the page's code becomes: annotations are looked up in it."""
    made = ModuleType("authors_page")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(PAGE.read_text("utf-8"))]


def test_every_block_of_the_authors_page_runs(
    blocks: list[Block], module: ModuleType, tmp_path: Path
) -> None:
    reader = Reader(tmp_path, module)
    for block in blocks:
        reader.follow(block)
    assert len(blocks) == PAGE.read_text("utf-8").count("```") / 2 >= 12
    assert {"provider", "errors", "plans", "listing", "OrderBook", "Local"} <= reader.said.keys()


def test_its_question_of_ones_own_is_one(blocks: list[Block], module: ModuleType) -> None:
    said = vars(module)
    run(next(block for block in blocks if "class OrderBook" in block.text), said)
    question = said["OrderBook"].from_strings({"symbol": ["BTC"], "levels": ["5"]})
    assert (question.path, question.symbols_asked) == ("/order-book", ("BTC",))
