"""`feedmux new-provider`: what it writes is sound as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SAMPLES = {
    "rows": '[{"symbol":"btc","current_price":1.5,"rank":1,"roi":null},{"symbol":"eth","current_price":2,"rank":2,"roi":{"times":2.5}}]',
    "text": '{"data":[{"ticker":"BTCUSDT","last":"91234.50","count":"7"}],"error":null}',
    "map": '{"bitcoin":{"usd":1.5},"ethereum":{"usd":2.5}}',
    "ids": '{"coins":{"net:a":{"symbol":"DAI","price":1.5},"net:b":{"symbol":"LINK","price":2.5}}}',
    "unnamed": '{"coins":{"net:a":{"price":1.5},"net:b":{"price":2.5}}}',
    "single": '{"data":{"id":"bitcoin","symbol":"BTC","priceUsd":"1.5"},"timestamp":1764000000000}',
    "columns": '[[1764000000000,"1.5","2.5",3],[1764003600000,"2.5","3.5",4]]',
    "odd": '{"class":"x","24h":1.5,"provider":"somebody","a-b":[1,2,3],"nothing":null}',
}


def own_tests(directory: Path) -> subprocess.CompletedProcess[str]:
    """What its own tests say, in a process of their own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(directory))
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)


def test_the_package_is_complete(feedmux: Any, tmp_path: Path) -> None:
    told = feedmux(
        "new-provider", "acme_two", "--directory", str(tmp_path / "new"), "--licence", "Apache-2.0"
    )
    assert told.exit_code == 0, told.output
    written = {
        str(file.relative_to(tmp_path / "new")) for file in (tmp_path / "new").rglob("*") if file.is_file()
    }
    assert written == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "src/feedmux_acme_two/__init__.py",
        "src/feedmux_acme_two/py.typed",
        "src/feedmux_acme_two/cases/quotes.json",
        "src/feedmux_acme_two/cases/health.json",
        "tests/test_acme_two.py",
    }
    project = (tmp_path / "new" / "pyproject.toml").read_text()
    assert 'name = "feedmux-acme-two"' in project
    assert 'acme_two = "feedmux_acme_two:provider"' in project
    assert "Apache License" in (tmp_path / "new" / "LICENSE").read_text()
    assert '"grade": "made"' in (tmp_path / "new/src/feedmux_acme_two/cases/quotes.json").read_text()


def test_its_own_tests_pass(feedmux: Any, tmp_path: Path) -> None:
    feedmux("new-provider", "acme_two", "--directory", str(tmp_path / "new"))
    ran = own_tests(tmp_path / "new")
    assert ran.returncode == 0, ran.stdout


EVERYDAY = ("rows", "map", "odd")


@pytest.mark.parametrize(
    "kind", [kind if kind in EVERYDAY else pytest.param(kind, marks=pytest.mark.long) for kind in SAMPLES]
)
def test_a_draft_from_a_sample_passes_its_tests(feedmux: Any, tmp_path: Path, kind: str) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(SAMPLES[kind])
    told = feedmux(
        "new-provider", f"acme_{kind}", "--directory", str(tmp_path / "new"), "--sample", str(sample)
    )
    assert told.exit_code == 0, told.output
    ran = own_tests(tmp_path / "new")
    assert ran.returncode == 0, ran.stdout


def drafted(feedmux: Any, directory: Path, sample: str) -> str:
    (directory / "sample.json").write_text(sample)
    feedmux(
        "new-provider",
        "acme",
        "--directory",
        str(directory / "new"),
        "--sample",
        str(directory / "sample.json"),
    )
    return (directory / "new/src/feedmux_acme/__init__.py").read_text()


def test_a_field_that_may_be_missing_or_null_is_optional(feedmux: Any, tmp_path: Path) -> None:
    code = drafted(
        feedmux,
        tmp_path,
        '[{"symbol":"a","price":1.5,"high":null},{"symbol":"b","price":2,"high":3.5,"low":1}]',
    )
    assert "    high: float | None\n" in code
    assert "    low: float | None = None\n" in code


def test_numbers_as_text_are_read_as_numbers(feedmux: Any, tmp_path: Path) -> None:
    code = drafted(feedmux, tmp_path, '[{"symbol":"a","price":"1.50"}]')
    assert "    price: float\n" in code
    assert "strict=False" in code


def test_a_key_that_is_no_name_is_renamed(feedmux: Any, tmp_path: Path) -> None:
    assert "rename={'n24h': '24h'}" in drafted(feedmux, tmp_path, '{"24h": 1.5}')


@pytest.mark.parametrize("kind", ["ids", "single"])
def test_what_names_its_own_symbol_and_price_is_a_quote(feedmux: Any, tmp_path: Path, kind: str) -> None:
    assert "row.symbol.upper()" in drafted(feedmux, tmp_path, SAMPLES[kind])


def test_a_sample_that_tells_of_nothing_is_an_error(feedmux: Any, tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text("[1, 2]")
    told = feedmux(
        "new-provider",
        "acme",
        "--directory",
        str(tmp_path / "new"),
        "--sample",
        str(tmp_path / "sample.json"),
    )
    assert told.exit_code == 2
    assert "tells of no things" in told.stderr
    assert not (tmp_path / "new").exists()


def test_a_name_that_no_provider_may_have_is_an_error(feedmux: Any, tmp_path: Path) -> None:
    told = feedmux("new-provider", "Acme-2", "--directory", str(tmp_path / "new"))
    assert told.exit_code == 2
    assert "lower-case letters" in told.stderr


def test_what_is_there_is_not_overwritten(feedmux: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    told = feedmux("new-provider", "acme", "--directory", str(tmp_path))
    assert told.exit_code == 2
    assert "is not empty" in told.stderr
