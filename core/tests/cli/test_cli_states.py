"""`feedmux providers` and `feedmux quota`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feedmux.cli import screen


class Broken:
    """Declares nothing."""


def test_providers_are_listed_with_their_state_in_a_word(feedmux: Any) -> None:
    told = feedmux("providers", "--text").stdout
    row = next(line for line in told.splitlines() if line.startswith("made_up"))
    assert "unknown" in row
    assert "100%" in row
    assert "no server was asked" in told


def test_a_provider_that_was_set_aside_is_listed_with_the_reason(feedmux: Any, quoting: Any) -> None:
    told = feedmux("providers", "--text", plugins={"broken": Broken(), "made_up": quoting()}).stdout
    row = next(line for line in told.splitlines() if line.startswith("broken"))
    assert "quarantined" in row
    assert "does not implement feedmux_limits" in row


def test_providers_as_json_are_what_the_server_answers(feedmux: Any) -> None:
    document = json.loads(feedmux("providers", "--json").stdout)
    assert document["sandbox"] is False
    assert [(one["name"], one["state"]) for one in document["providers"]] == [("made_up", "unknown")]


def test_quota_shows_each_window_with_what_is_left(feedmux: Any) -> None:
    row = next(line for line in feedmux("quota", "--text").stdout.splitlines() if line.startswith("made_up"))
    assert "60 requests in 1 min" in row
    assert "60 left" in row


def test_quota_as_json_is_the_ledger(feedmux: Any) -> None:
    (row,) = json.loads(feedmux("quota", "--json").stdout)["quota"]
    assert (row["pool"], row["limit"], row["left"]) == ("made_up", 60, 60)


@pytest.mark.parametrize("command", ["providers", "quota"])
def test_in_80_columns_no_word_is_cut(command: str, feedmux: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "UNBOUND", 80)
    told = feedmux(command, "--text").stdout
    row = next(line for line in told.splitlines() if line.startswith("made_up"))
    assert ("unknown" if command == "providers" else "60 left") in row
    assert "not shown: " in told
    assert "…" not in told


def test_no_provider_at_all_is_said(feedmux: Any) -> None:
    assert "no provider is installed" in feedmux("providers", "--text", plugins={}).stdout
