"""`feedmux simulate` prints figures, draws a page and says what is wrong with a scenario."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SMALL = """
name = "small"
lasts = "2m"
[load]
rate = 1
[providers.one]
weight = 1
serves = ["quotes"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def test_a_table_for_people(feedmux, file):
    result = feedmux("simulate", str(file), "--text")
    assert result.exit_code == 0
    assert "small" in result.output
    assert "refusals (429, 418)" in result.output


def test_json_holds_nothing_of_the_machine(feedmux, file):
    first, again = (feedmux("simulate", str(file), "--json").output for _ in range(2))
    assert first == again
    assert json.loads(first)["ours"]["questions"] > 50
    assert json.loads(feedmux("simulate", str(file), "--json", "--seed", "5").output)["seed"] == 5


def test_a_page_is_drawn_where_it_is_asked_for(feedmux, file, tmp_path):
    assert feedmux("simulate", str(file), "--html", str(tmp_path / "out.html")).exit_code == 0
    assert "<svg" in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize(("text", "said"), [("name = 1", "name: "), ("x", "is no TOML")])
def test_a_scenario_that_cannot_be_is_refused_by_name(feedmux, tmp_path, text, said):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text)
    result = feedmux("simulate", str(wrong))
    assert result.exit_code == 2
    assert "wrong.toml" in result.stderr
    assert said in result.stderr


def test_a_page_that_cannot_be_written_is_said(feedmux, file, tmp_path):
    result = feedmux("simulate", str(file), "--html", str(tmp_path / "no" / "out.html"))
    assert result.exit_code == 2
    assert "out.html" in result.stderr
