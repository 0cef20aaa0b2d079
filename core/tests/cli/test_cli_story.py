"""`feedmux explain`: the recorded events and nothing else."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from feedmux import event as event_module
from feedmux.breaker import State
from feedmux.cli import story
from feedmux.event import (
    Answered,
    Cached,
    Changed,
    Compared,
    Considered,
    Event,
    Hedged,
    Held,
    Joined,
    Misbehaved,
    Reason,
    Result,
    ServedStale,
    Skipped,
    StreamLost,
    StreamOpened,
    StreamResumed,
    Trace,
    Tried,
    Waited,
)

TOLD = [
    (Cached(at=0, what="quotes BTC", state="miss"), "quotes BTC: nothing kept"),
    (
        Cached(at=0, what="quotes BTC", state="stale", age=75, provider="a"),
        "quotes BTC: 1 min 15 s old, from a, too old to serve before asking",
    ),
    (
        Cached(at=0, what="quotes BTC", state="hit", age=3, provider="a"),
        "quotes BTC: 3.0 s old, from a, fresh enough",
    ),
    (Joined(at=0, what="quotes BTC"), "quotes BTC: somebody had asked already"),
    (
        Skipped(at=0, member="a", reason=Reason.CLOSED, detail="429", wait=43),
        "a: closed (429), for 43 s more",
    ),
    (Skipped(at=0, member="a", reason=Reason.NEEDS_KEY), "a: needs a key"),
    (Considered(at=0, members=("a", "b")), "a, then b"),
    (Considered(at=0, members=("b", "a"), slow={"a": 30}), "b, then a (slow, last for 30 s more)"),
    (Considered(at=0, members=()), "nobody is left to ask"),
    (
        Tried(at=0, member="a", provider="a", capability="quotes", result=Result.PARTIAL, seconds=0.081,
              asked=3, got=2, requests=2),
        "a, 81 ms: answered in part, 2 of 3 came, 2 requests",
    ),
    (
        Tried(at=0, member="a", provider="a", capability="quotes", result=Result.DOWN, seconds=1.2,
              asked=1, got=0, detail="HTTP 500"),
        "a, 1.2 s: down: HTTP 500",
    ),
    (Held(at=0, member="a", what="BTC", detail="jumped by 40 %"), "BTC from a: jumped by 40 %"),
    (Hedged(at=0, member="b", beside="a", after=2.0), "b: a takes longer than 2.0 s"),
    (
        Compared(at=0, what="BTC", price=100.5, spread=0.099, said={"a": 100, "b": 101, "c": 110}, apart=("c",)),
        "BTC: 100.5, 9.90% apart, a 100, b 101, c 110 (apart)",
    ),
    (
        Compared(at=0, what="BTC", price=None, spread=0.099, said={"a": 100, "c": 110}, apart=("a", "c")),
        "BTC: no consensus, a 100",
    ),
    (Waited(at=0, member="a", seconds=0.5), "500 ms until a reopened"),
    (StreamOpened(at=0, member="a", what="quotes BTC"), "a pushes quotes BTC"),
    (StreamLost(at=0, member="a", what="quotes BTC", reason="silent"), "a pushes quotes BTC no more: silent"),
    (StreamResumed(at=0, member="a", what="quotes BTC", seconds=8), "a pushes quotes BTC again after 8.0 s of silence"),
    (ServedStale(at=0, what="quotes BTC", age=600, provider="a"), "quotes BTC: served 10 min old, from a"),
    (Answered(at=0, capability="quotes", source="cache", seconds=0, items=1), "quotes: 1 item from the cache"),
    (
        Answered(at=0, capability="quotes", source="flight", seconds=0.2, items=2, stale=True),
        "quotes: 2 items in 200 ms, some STALE",
    ),
    (Answered(at=0, capability="quotes", source="flight", seconds=5, items=0), "quotes: no items, after 5.0 s"),
    (Changed(at=0, member="a", state=State.THROTTLED, cause="429", wait=60), "a is throttled, for 1 min: 429"),
    (Misbehaved(at=0, member="a", detail="blocked the loop"), "a: blocked the loop"),
]  # fmt: skip


def told(*events: Event) -> list[str]:
    console = Console(file=io.StringIO(), width=200, highlight=False, markup=False)
    story.print_trace(console, Trace(events))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("event", "sentence"), TOLD)
def test_an_event_says_what_happened(event: Event, sentence: str) -> None:
    (line,) = told(event)
    assert sentence in line


def test_every_event_has_a_sentence_of_its_own() -> None:
    declared = {
        kind for kind in vars(event_module).values() if isinstance(kind, type) and issubclass(kind, Event)
    }
    assert declared - {Event} == {type(event) for event, _ in TOLD}


def test_an_event_without_a_sentence_is_told_by_its_fields() -> None:
    class Unheard(Event, frozen=True, tag="unheard"):
        member: str

    assert told(Unheard(at=0, member="a")) == ["unheard   member a"]


def test_an_event_taken_away_takes_its_line_away() -> None:
    events = [event for event, _ in TOLD]
    whole = told(*events)
    assert len(whole) == len(events)
    for index in range(len(events)):
        assert told(*events[:index], *events[index + 1 :]) == whole[:index] + whole[index + 1 :]


def test_explain_tells_the_story_in_order(feedmux: Any) -> None:
    result = feedmux("explain", "--text", "quotes", "BTC")
    labels = [line.split()[0] for line in result.stdout.splitlines()]
    assert labels == ["cache", "order", "asked", "answered"]
    assert result.exit_code == 0


def test_a_dry_run_asks_nobody(feedmux: Any, quoting: Any) -> None:
    provider = quoting()
    for args in (("--dry", "quotes", "BTC"), ("quotes", "BTC", "--dry")):
        result = feedmux("explain", "--text", *args, plugins={"made_up": provider})
        assert [line.split()[0] for line in result.stdout.splitlines()] == ["cache", "order"]
    assert provider.asked == []


def test_json_holds_answer_error_and_trace(feedmux: Any) -> None:
    document = json.loads(feedmux("explain", "quotes", "BTC", "--json").stdout)
    assert list(document) == ["answer", "error", "trace"]
    assert document["answer"]["items"][0]["symbol"] == "BTC"
    assert document["error"] is None
    assert document["trace"][-1]["event"] == "answered"


def test_a_question_that_fails_is_explained_and_keeps_its_exit_code(feedmux: Any) -> None:
    result = feedmux("explain", "--text", "quotes", "NOPE")
    assert result.stdout.splitlines()[-1].startswith("ended")
    assert result.stderr.startswith("Nobody knows this symbol")
    assert result.exit_code == 3
    document = json.loads(feedmux("explain", "quotes", "NOPE", "--json").stdout)
    assert (document["answer"], document["error"]["status"]) == (None, 404)


def test_get_with_explain_tells_the_trace_of_a_question_that_failed(feedmux: Any) -> None:
    result = feedmux("get", "quotes", "NOPE", "--explain")
    assert "unknown symbol" in result.stderr
    assert result.exit_code == 3
