"""How values, items and answers read: in a terminal, a notebook, a data frame."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from feedmux import Answer, BalanceFigure, Candle, FearGreed, Missing, News, Quote, Quotes, SentimentIndex
from feedmux.cell import Kind, amount, cell, change, instant, kinds, percent, price, printable, span

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
BTC = Quote(
    symbol="BTC", price=96_385.12, change_pct_24h=-1.234, volume_24h=1.07e10, provider="a", observed_at=NOON
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (96_385.123, "96,385.12"),
        (1000, "1,000.00"),
        (999.5, "999.50"),
        (2.5, "2.50"),
        (2.50694, "2.50694"),
        (0.00000868, "0.00000868"),
        (1e-12, "0.000000000001"),
        (1_520_000_000.0, "1,520,000,000.00"),
    ],
)
def test_a_price_keeps_the_digits_that_matter(value: float, text: str) -> None:
    assert price(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.91e12, "1.91T"), (1.07e10, "10.70B"), (19.85e6, "19.85M"), (3243.63, "3,243.63"), (0.0, "0.00")],
)
def test_an_amount_is_said_in_millions_and_more(value: float, text: str) -> None:
    assert amount(value) == text


def test_changes_carry_their_sign() -> None:
    assert (change(61.13), change(-0.5), change(0.0)) == ("+61.13", "-0.50", "0.00")
    assert (percent(2.1), percent(-0.082), percent(-0.0004)) == ("+2.10%", "-0.08%", "0.00%")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0284, "28 ms"),
        (0.9999, "1.0 s"),
        (4.21, "4.2 s"),
        (9.97, "10 s"),
        (59.7, "1 min"),
        (75, "1 min 15 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (200_000, "2 d 7 h"),
        (-1, "0 ms"),
    ],
)
def test_a_span_is_said_in_its_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_an_instant_is_said_in_utc() -> None:
    assert instant(datetime.fromisoformat("2026-01-02T14:00:00+02:00")) == "2026-01-02 12:00:00Z"


def test_the_annotation_decides_how_a_number_reads() -> None:
    of = kinds(Quote)
    assert (of["price"], of["volume_24h"], of["change_24h"]) == (Kind.PRICE, Kind.AMOUNT, Kind.CHANGE)
    assert (of["change_pct_24h"], of["ambiguous"], of["name"]) == (Kind.PERCENT, Kind.FLAG, Kind.TEXT)
    assert kinds(BalanceFigure)["wei"] is Kind.COUNT
    assert cell(10**19, Kind.COUNT) == "10,000,000,000,000,000,000"


def test_control_characters_are_never_printed() -> None:
    assert printable("a\x1b[2Jb\u202ec\n") == "a [2Jb c "


def test_an_item_prints_what_it_says_and_whose_word_it_is() -> None:
    assert str(BTC) == (
        "Quote: symbol BTC, price 96,385.12, vs USD, change_pct_24h -1.23%, volume_24h 10.70B, "
        "provider a, observed_at 2026-01-02 12:00:00Z"
    )
    assert repr(BTC).startswith("Quote(provider='a'")


def test_a_stale_item_says_so() -> None:
    assert str(Quote(symbol="BTC", price=1, stale=True)).endswith("STALE")


def test_an_item_is_a_small_table_in_a_notebook() -> None:
    drawn = BTC._repr_html_()
    assert "<th>price</th><td>96,385.12</td>" in drawn
    assert "<script" not in Quote(symbol="BTC", price=1, name="<script>")._repr_html_()


def test_an_answer_prints_as_a_table_and_what_is_to_be_said_beside_it() -> None:
    shib = Quote(symbol="SHIB", price=0.00000868, provider="b", origin="c")
    missing = {"NOPE": Missing("unknown-symbol", "NOPE is unknown to a, b")}
    told = str(Answer(Quotes(["BTC", "SHIB", "NOPE"]), (BTC, shib), missing, ("A",), sandbox=True))
    heading, first, second, *notes = told.splitlines()
    assert heading.split() == [
        "symbol", "price", "vs", "change_pct_24h", "volume_24h", "provider", "observed_at"
    ]  # fmt: skip
    assert first.index("96,385.12") + len("96,385.12") == second.index("0.00000868") + len("0.00000868")
    assert "b (c)" in second
    assert notes == [
        "NOPE is missing: NOPE is unknown to a, b",
        "A",
        "SANDBOX: simulated, no real market data",
    ]


def test_an_answer_without_items_prints() -> None:
    assert str(Answer(News("x"), ())) == "nothing found"
    assert "<table>" in Answer(News("x"), ())._repr_html_()


def test_an_answer_is_a_table_in_a_notebook() -> None:
    hostile = Quote(symbol="BTC", price=1, name="<b>x</b>")
    drawn = Answer(Quotes(["BTC"]), (hostile,), {"<i>": Missing("r", "<i>")})._repr_html_()
    assert '<th style="text-align:right">price</th>' in drawn
    assert "<b>" not in drawn
    assert "<i>" not in drawn


def test_rows_are_flat_and_plain_whatever_the_item() -> None:
    candle = Candle(
        symbol="BTC",
        interval="1h",
        opened_at=NOON,
        open=1,
        high=2,
        low=1,
        close=2,
        closed=True,
        observed_at=NOON,
    )
    mood = SentimentIndex(value=50, classification="neutral")
    for item in (BTC, candle, mood):
        rows: list[dict[str, Any]] = Answer(FearGreed(1), (item,)).rows()
        assert list(rows[0]) == list(item.__struct_fields__)
        assert all(
            isinstance(value, str | int | float | bool | datetime | None) for value in rows[0].values()
        )


def test_rows_of_one_answer_share_their_columns_and_keep_their_types() -> None:
    rows = Answer(Quotes(["BTC", "ETH"]), (BTC, Quote(symbol="ETH", price=2))).rows()
    assert rows[0].keys() == rows[1].keys()
    assert rows[0]["observed_at"] == NOON
    assert rows[0]["observed_at"].tzinfo is not None
    assert rows[1]["volume_24h"] is None
    assert type(rows[1]["price"]) is float
