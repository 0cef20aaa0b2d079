"""`feedmux check-provider`: a report, and an exit code that says whether all of it holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acme import CASES, QUOTES
from msgspec.structs import replace

from feedmux.conformance.case import encode

CODE = "from acme import provider as _made\n\nprovider = _made()\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution `feedmux-acme` on the path, its cases packaged; gives the directory of its package."""
    package = tmp_path / "feedmux_acme"
    (package / "cases").mkdir(parents=True)
    (package / "__init__.py").write_text(CODE)
    for case in CASES:
        (package / "cases" / f"{case.name}.json").write_bytes(encode(case))
    info = tmp_path / "feedmux_acme-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: feedmux-acme\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[feedmux.providers]\nacme = feedmux_acme:provider\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    sys.modules.pop("feedmux_acme", None)


def test_a_report_says_fact_by_fact_what_holds(feedmux: Any, installed: Path) -> None:
    told = feedmux("check-provider", "acme")
    assert "acme, 3 cases" in told.stdout
    assert "yes       the declaration is sane" in told.stdout
    assert "yes       broken bodies end in an answer or bad payload (3,000 bodies)" in told.stdout
    assert "py.typed is missing" in told.stdout
    assert told.exit_code == 1


def test_what_does_not_hold_ends_in_exit_code_1_with_what_was_found(feedmux: Any, installed: Path) -> None:
    (installed / "cases" / "quotes.json").write_bytes(encode(replace(QUOTES, body="[]")))
    told = feedmux("check-provider", "acme")
    assert told.exit_code == 1
    assert "no        cases with items give items" in told.stdout
    assert "- quotes: brings nothing: " in told.stdout


def test_a_case_that_asks_no_question_is_named(feedmux: Any, installed: Path) -> None:
    (installed / "cases" / "quotes.json").write_bytes(encode(replace(QUOTES, parameters={})))
    told = feedmux("check-provider", "acme")
    assert told.exit_code == 2
    assert "case quotes asks no question: symbols: is missing" in told.stderr


def test_the_report_comes_as_json(feedmux: Any, installed: Path) -> None:
    document = json.loads(feedmux("check-provider", "acme", "--json").stdout)
    assert document["provider"] == "acme"
    assert {"fact", "findings", "note", "left_out"} <= document["lines"][0].keys()


def test_the_report_as_json_says_whether_all_of_it_holds_and_how_many_bodies_were_broken(
    feedmux: Any, installed: Path
) -> None:
    document = json.loads(feedmux("check-provider", "acme", "--json", "--bodies", "20").stdout)
    assert (document["cases"], document["bodies"], document["passed"]) == (3, 60, False)


def test_an_extension_is_told_from_a_provider(feedmux: Any, installed: Path) -> None:
    info = installed.parent / "feedmux_acme-0.1.dist-info" / "entry_points.txt"
    info.write_text("[feedmux.extensions]\nacme = feedmux_acme:provider\n")
    told = feedmux("check-provider", "acme")
    assert told.exit_code == 2
    assert "acme is an extension, no provider" in told.stderr


def test_a_package_of_several_providers_keeps_the_cases_of_each_apart(feedmux: Any, installed: Path) -> None:
    own = installed / "cases" / "acme"
    own.mkdir()
    (own / "health.json").write_bytes(encode(CASES[2]))
    assert "acme, 1 case\n" in feedmux("check-provider", "acme", "--bodies", "1").stdout


def test_a_provider_that_is_not_installed_is_an_error(feedmux: Any) -> None:
    told = feedmux("check-provider", "nobody")
    assert told.exit_code == 2
    assert "no provider named 'nobody' is installed" in told.stderr


def test_a_case_that_cannot_be_read_is_named(feedmux: Any, installed: Path) -> None:
    (installed / "cases" / "quotes.json").write_text('{"capability": 7}')
    told = feedmux("check-provider", "acme")
    assert told.exit_code == 2
    assert "quotes.json" in told.stderr
