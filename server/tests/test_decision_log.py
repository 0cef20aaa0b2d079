"""The decision log: what it holds, what it never holds, and that it stands in nobody's way."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux import Answer, Quotes, SettingsError
from feedmux.clock import SystemClock
from feedmux.decision import Began, Decision, Dropped, Line, parameters_of
from feedmux.query import Balance, News, Sentiment
from feedmux_server.decision_log import DecisionLog, LogFile, opened
from feedmux_server.question import Question

pytestmark = pytest.mark.anyio
ASKED = Question(Quotes(["BTC"]))
EMPTY: Answer[Any] = Answer(ASKED.query, ())


@pytest.fixture
def anyio_backend() -> str:
    """A loop in real time: the writer is a thread."""
    return "asyncio"


def lines(path: Path) -> list[Line]:
    return [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]


async def test_each_question_is_a_line_and_each_try_stands_once(client: Any, tmp_path: Path) -> None:
    async with opened(str(tmp_path / "log"), SystemClock()) as client.app.state.desk.log:
        for path in ("quotes?symbols=BTC", "quotes?symbols=BTC", "quotes?symbols=BTC", "quotes?symbols=NOPE"):
            await client.get(f"/v1/{path}", headers={"x-forwarded-for": "203.0.113.7"})
    began, *told = lines(tmp_path / "log")
    assert isinstance(began, Began)
    assert [(d.outcome, d.source) for d in told] == [
        ("fresh", "flight"),
        ("fresh", "cache"),
        ("fresh", "cache"),
        ("unknown-symbol", ""),
    ]
    assert [len(d.attempts) for d in told[:3]] == [1, 0, 0]
    assert told[0].parameters == {"symbols": ["BTC"]}
    assert b"203.0.113.7" not in (tmp_path / "log").read_bytes()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "query", [News("merger"), Sentiment(["merger"]), Balance("0x" + "ab" * 20)], ids=lambda q: q.capability
)
def test_free_text_and_addresses_are_told_by_length_and_hash_alone(query: Any) -> None:
    (told,) = parameters_of(query, b"salt").values()
    assert told[0].startswith(("#6:", "#42:"))
    assert told != next(iter(parameters_of(query, b"other").values()))


async def test_what_finds_no_room_is_counted_and_said(tmp_path: Path) -> None:
    log = DecisionLog(LogFile(tmp_path / "log", SystemClock()), SystemClock(), room=2)
    for _ in range(5):
        log.answered(ASKED, EMPTY, 0.0)
    assert log.dropped == 3
    log.begin()
    await log.aclose()
    told = lines(tmp_path / "log")
    assert [line.lines for line in told if isinstance(line, Dropped)] == [3]
    assert sum(isinstance(line, Decision) for line in told) == 2


def test_a_full_file_gives_way_to_the_next_and_one_is_kept(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log", SystemClock(), cap=200)
    for _ in range(20):
        file.write(Dropped(0.0, 1))
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1"]
    assert all(isinstance(lines(path)[0], Began) for path in tmp_path.iterdir())


def test_each_file_counts_the_lines_that_are_missing_in_it(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log", SystemClock(), cap=200)
    for lines_lost in (5, 2, 1, 1, 1):
        file.tell_dropped(lines_lost)
    file.close()
    before, after = (
        [line.lines for line in lines(tmp_path / name) if isinstance(line, Dropped)]
        for name in ("log.1", "log")
    )
    assert len(before) > 1
    assert before[-1] + after[-1] == 10


async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="decision_log"):
        async with opened(str(tmp_path / "none" / "log"), SystemClock()):
            pass
