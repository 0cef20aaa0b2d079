"""Installed plugins that cannot be used: named with the reason, by the library and by the command; the others answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from .distributions import BROKEN, GOOD, Done, installed, python

SCRIPT = """
import asyncio, json
import feedmux

async def main():
    async with feedmux.open(feedmux.Settings()) as mux:
        answer = await mux.get(feedmux.Quotes(("BTC", "ETH")))
        rows = [[row.name, row.state.value, row.cause, row.distribution, row.version] for row in mux.providers()]
        print(json.dumps({"items": [[i.symbol, i.price, i.provider] for i in answer], "providers": rows}))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every broken distribution, two that are well, and one whose name is taken."""
    made = tmp_path_factory.mktemp("site")
    for name, (source, _) in BROKEN.items():
        installed(made, name, source)
    installed(made, "good", GOOD)
    installed(made, "other", GOOD.replace("weight=1", "weight=2"))
    installed(made, "good", GOOD, module="second_good", distribution="zz-second-good")
    return made


def run(site: Path, *arguments: str, plugins: Iterable[str] = (*BROKEN, "good", "other")) -> Done:
    return python(site, arguments, plugins)


@pytest.fixture(scope="module")
def library(site: Path) -> dict[str, Any]:
    """What the library says."""
    done = run(site, "-c", SCRIPT)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def command(site: Path) -> dict[str, Any]:
    """What `feedmux providers --json` says: name to row."""
    done = run(site, "-m", "feedmux", "--sandbox", "off", "providers", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    return {row["name"]: row for row in json.loads(done.stdout)["providers"]}


def test_the_plugins_that_are_well_answer_beside_22_that_are_not(library: dict[str, Any]) -> None:
    assert len(BROKEN) == 22
    assert [(symbol, price) for symbol, price, _ in library["items"]] == [("BTC", 42.0), ("ETH", 42.0)]
    assert {provider for _, _, provider in library["items"]} <= {"good", "other"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_plugin_that_cannot_be_used_is_set_aside_with_its_reason_and_version(
    name: str, library: dict[str, Any]
) -> None:
    ((_, state, cause, distribution, version),) = [row for row in library["providers"] if row[0] == name]
    assert state == "quarantined"
    assert BROKEN[name][1] in cause
    assert cause
    assert "\n" not in cause
    assert (distribution, version) == (f"dist-{name}", "1.2.3")


@pytest.mark.parametrize("name", BROKEN)
def test_the_command_names_it_too(name: str, command: dict[str, Any]) -> None:
    assert command[name]["state"] == "quarantined"
    assert BROKEN[name][1] in command[name]["cause"]


def test_of_two_plugins_with_one_name_the_first_serves_and_both_are_named(site: Path) -> None:
    done = run(site, "-c", SCRIPT, plugins=["good"])
    assert json.loads(done.stdout)["items"][0][2] == "good"
    assert "the name is taken by" in done.stderr
    assert "good" in done.stderr


def test_only_what_is_named_is_loaded(site: Path) -> None:
    done = run(site, "-c", SCRIPT, plugins=["other"])
    assert [row[0] for row in json.loads(done.stdout)["providers"]] == ["other"]


def test_a_traceback_in_the_log_shows_no_local_variables(tmp_path: Path) -> None:
    source = GOOD.replace(
        "        return [Quote",
        "        key = '-'.join(('CANARY', 'kept', 'in', 'a', 'variable'))\n"
        "        if asked.query.symbols: raise KeyError(len(key))\n"
        "        return [Quote",
    )
    installed(tmp_path, "leaky", source)
    done = run(tmp_path, "-c", SCRIPT, plugins=["leaky"])
    assert "KeyError" in done.stderr
    assert "CANARY-kept" not in done.stderr + done.stdout
