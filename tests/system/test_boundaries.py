"""Who may know whom: no provider's name outside its plugin, and one module that touches httpx."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedmux.query import BUILT_IN

ROOT = Path(__file__).parents[2]
CAPABILITIES = {query.capability for query in BUILT_IN}
NEUTRAL = sorted((ROOT / "core" / "src").rglob("*")) + sorted((ROOT / "server" / "src").rglob("*"))
COMPATIBILITY = ROOT / "server" / "src" / "feedmux_server" / "compat"
"""The one part whose paths are given, names of providers included."""
TEXTS = {".py", ".html", ".js", ".css", ".toml", ".json", ".txt", ".md", ".svg"}


def provider_names() -> Iterator[str]:
    """The names that the plugins of this repository register, but for those that are words of the core itself."""
    for file in sorted((ROOT / "plugins").glob("*/pyproject.toml")):
        points = tomllib.loads(file.read_text(encoding="utf-8"))["project"].get("entry-points", {})
        yield from (name for name in points.get("feedmux.providers", {}) if name not in CAPABILITIES)


def neutral_files() -> list[Path]:
    """What must know no provider: the core and the server, whatever is shipped with them included."""
    return [
        file
        for file in NEUTRAL
        if file.suffix in TEXTS
        and COMPATIBILITY not in file.parents
        and file != COMPATIBILITY.with_suffix(".py")
    ]


def test_there_are_providers_and_files_to_look_for() -> None:
    assert {"binance_dt", "coingecko", "alternative_me"} <= set(provider_names())
    assert len([file for file in neutral_files() if ROOT / "core" in file.parents]) > 30


@pytest.mark.parametrize("name", list(provider_names()))
def test_no_provider_s_name_occurs_in_the_core_or_the_server(name: str) -> None:
    spelled = re.compile(
        r"(?<![A-Za-z0-9])" + r"[ ._-]?".join(name.split("_")) + r"(?![A-Za-z0-9])", re.IGNORECASE
    )
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()[:100]}"
        for file in neutral_files()
        for line in file.read_text(encoding="utf-8").splitlines()
        if spelled.search(line)
    ]
    assert not found, "\n".join(found)


def test_nothing_but_the_transport_imports_httpx() -> None:
    sources = [
        file for part in ("core", "server", "plugins") for file in (ROOT / part).glob("**/src/**/*.py")
    ]
    assert len(sources) > 40
    importing = {str(file.relative_to(ROOT)) for file in sources if "httpx" in imported(file)}
    assert importing == {"core/src/feedmux/transport.py"}


def imported(file: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.split(".")[0])
    return names
