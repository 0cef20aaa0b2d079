"""`feedmux simulate` prints figures, draws a page and says what is wrong with a scenario."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from feedmux.decision import VERSION, Attempt, Began, Decision

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


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Thirty questions of half a minute, all of which `made_up` answered."""
    tries = (Attempt("made_up", "made_up", "answered", 40.0),)
    asked = [
        Decision(1_790_000_000.0 + n, "quotes", "fresh", 40.0, {"symbols": [f"S{n}"]}, attempts=tries)
        for n in range(30)
    ]
    file = tmp_path / "decisions.jsonl"
    lines = [msgspec.json.encode(line) for line in (Began(VERSION, "0.1.0", 1_790_000_000.0), *asked)]
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


def test_a_replay_says_first_whether_the_quota_holds(feedmux, log):
    result = feedmux("simulate", "--replay", str(log), "--text")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("Replay of decisions.jsonl")
    assert lines[2] == "Inside every quota: the fullest window of the replay, of made_up, held 50%."
    assert lines[3] == "made_up: 30 of 60 a minute as logged, 30 of 60 replayed; at this pace 60 and 60"


def test_a_replay_holds_nothing_of_the_machine(feedmux, log):
    first, again = (feedmux("simulate", "--replay", str(log), "--json").output for _ in range(2))
    assert first == again
    assert json.loads(first)["beside"]["questions"] == 30
    assert str(log.parent) not in first


def test_a_replay_is_of_the_configuration_named_and_its_weights_may_be_others(
    feedmux, quoting, log, tmp_path
):
    config = tmp_path / "new.toml"
    config.write_text("[providers.made_up]\nweight = 1\n")
    plugins = {"made_up": quoting(weight=99), "other": quoting(weight=99)}

    def shares(*options):
        told = feedmux("simulate", "--replay", str(log), "--json", *options, plugins=plugins).output
        return {one["provider"]: one["share"] for one in json.loads(told)["ours"]["providers"]}

    assert shares("--config", str(config))["other"] > 0.9
    assert shares("--config", str(config), "--weight", "other=0.01")["other"] < 0.1
    assert 0.3 < shares()["other"] < 0.7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "one of the two"),
        (("{log}", "--replay", "{log}"), "one of the two"),
        (("{log}", "--weight", "one=1"), "go with --replay"),
        (("--replay", "{log}", "--weight", "one=1"), "no provider of that name"),
        (("--replay", "{log}", "--weight", "made_up"), "such as made_up=20"),
        (("--replay", "{log}", "--weight", "=3"), "such as NAME=20"),
        (("--replay", "{log}", "--weight", "made_up=-1"), "positive"),
        (("--replay", "{log}", "--config", "{log}"), "is no TOML"),
        (("--replay", "{log}.1"), "The decision log cannot be replayed: "),
    ],
)
def test_what_does_not_go_together_is_refused(feedmux, log, options, said):
    result = feedmux("simulate", *(one.format(log=log) for one in options))
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
