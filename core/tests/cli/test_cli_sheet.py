"""An answer as a table: what fits, what is marked, what is said beside it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from feedmux import Answer, Candle, Candles, FearGreed, Missing, News, Quote, Quotes, SentimentIndex
from feedmux.cli.sheet import print_answer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def quote(symbol: str, price: float, provider: str = "made_up", **more: Any) -> Quote:
    stamps = {"observed_at": NOW, "fetched_at": NOW - timedelta(seconds=42)}
    return Quote(symbol=symbol, price=price, provider=provider, **stamps | more)


def drawn(answer: Answer[Any], width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    print_answer(console, answer, NOW)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_numbers_stand_on_the_right() -> None:
    lines = drawn(Answer(Quotes(["BTC", "SHIB"]), (quote("BTC", 96_385.12), quote("SHIB", 0.00000868))))
    heading, _, first, second, *_ = lines.splitlines()
    end = heading.index("price") + len("price")
    assert first[:end].endswith("96,385.12")
    assert second[:end].endswith("0.00000868")


def test_age_and_provider_are_said_for_each_item() -> None:
    told = drawn(Answer(Quotes(["BTC"]), (quote("BTC", 1.0, provider="made_up", origin="elsewhere"),)))
    assert "42 s" in told
    assert "made_up (elsewhere)" in told


def test_what_all_items_share_is_said_once() -> None:
    told = drawn(Answer(Quotes(["BTC", "ETH"]), (quote("BTC", 1.0), quote("ETH", 2.0))))
    assert told.count("made_up") == 1
    assert "vs USD · provider made_up · age 42 s" in told


def test_a_stale_item_says_so_in_words() -> None:
    told = drawn(Answer(Quotes(["BTC", "ETH"]), (quote("BTC", 1.0, stale=True), quote("ETH", 2.0))))
    assert told.count("42 s STALE") == 1


def test_the_sandbox_says_so_in_words() -> None:
    assert "SANDBOX" in drawn(Answer(Quotes(["BTC"]), (quote("BTC", 1.0),), sandbox=True))


def test_what_is_missing_stands_below_with_the_reason_and_when_to_ask_again() -> None:
    missing = {"NOPE": Missing("rate-limited", "made_up: too fast", 12.0)}
    told = drawn(Answer(Quotes(["BTC", "NOPE"]), (quote("BTC", 1.0),), missing, ("Made up",)))
    assert "NOPE is missing: made_up: too fast; ask again in 12 s" in told
    assert told.rstrip().endswith("source: Made up")


def test_a_narrow_terminal_keeps_what_the_item_is_and_names_the_rest() -> None:
    wide = quote("BTC", 1.0, name="Bitcoin", pair="BTC/USDT", volume_24h=1e9, high_24h=2.0, low_24h=0.5)
    told = drawn(Answer(Quotes(["BTC"]), (wide,)), width=48)
    assert max(map(len, told.splitlines()[:3])) <= 48
    assert all(name in told.splitlines()[0] for name in ("symbol", "price", "provider", "age"))
    assert "not shown: pair, name" in told


def test_a_series_tells_its_own_times_and_its_constants_once() -> None:
    candles = tuple(
        Candle(symbol="BTC", interval="1h", opened_at=NOW + timedelta(hours=n), open=1, high=2, low=1,
               close=2, closed=n == 0, provider="made_up", observed_at=NOW, fetched_at=NOW)
        for n in range(2)
    )  # fmt: skip
    told = drawn(Answer(Candles("BTC"), candles))
    assert "2026-01-02 04:04:05Z" in told
    assert "symbol BTC · interval 1h · vs USD · provider made_up · age 0 s" in told
    assert "observed_at" not in told


def test_a_series_without_times_of_its_own_shows_when_it_was_observed() -> None:
    days = tuple(
        SentimentIndex(value=50, classification="neutral", observed_at=NOW - timedelta(days=n))
        for n in (1, 0)
    )
    assert "2026-01-01 03:04:05Z" in drawn(Answer(FearGreed(2), days))


def test_words_of_an_upstream_cannot_steer_the_terminal() -> None:
    told = drawn(Answer(Quotes(["BTC"]), (quote("BTC", 1.0, name="\x1b[2J[red]\u202eevil"),)))
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "[red]" in told


def test_an_answer_without_items_says_that_nothing_was_found() -> None:
    assert "nothing found" in drawn(Answer(News("nobody writes this"), ()))
