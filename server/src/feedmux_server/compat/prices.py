"""Prices of several coins in the older service's words: cross-checked between providers, or of whoever answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct
from msgspec.structs import asdict

from feedmux import Answer, Crossed, InvalidQuery, Markets, Quote, Quotes
from feedmux.symbol import canonical
from feedmux_server.compat.coin import WORDS, PriceRow, price_row
from feedmux_server.compat.translation import Marked, Told, fetched, named, telling
from feedmux_server.desk import Desk
from feedmux_server.question import How, Question


class PricesParameters(Struct, frozen=True):
    """Whose prices, and whether several providers are to agree on them."""

    symbols: Annotated[
        tuple[str, ...],
        Meta(description="BTC, ETH …, separated by commas; the largest coins where none is named"),
    ] = ()
    limit: Annotated[int, Meta(ge=1, le=250, description="how many coins at most")] = 100
    cross_check: Annotated[bool, Meta(description="ask several providers and give the median of them")] = True
    use_parallel: Annotated[
        bool,
        Meta(description="is taken and changes nothing: providers are asked at once where that is needed"),
    ] = False


class CheckedRow(PriceRow, frozen=True, kw_only=True, omit_defaults=True, rename=WORDS):
    """A price and, where it was cross-checked, what several providers say.

    `price` is then the median of those who agree; the other figures are of all who were heard, `variance` being
    (max - min) / mean. `confidence` is 0.5 where one was heard, else 1 - min(variance, 1).
    """

    mean: float | None = None
    median: float | None = None
    min: float | None = None
    max: float | None = None
    stdev: float | None = None
    variance: float | None = None
    sources: int | None = None
    confidence: float | None = None
    all_prices: list[float] | None = None


class Anomaly(Struct, frozen=True):
    """A coin whose `variance` is above the `threshold`; where no two agree it is here alone."""

    symbol: str
    prices: list[float]
    mean: float
    variance: float
    threshold: float


class PricesData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`missing` says of which coins nothing is known, and why.

    Cross-checked: `sources_used` is how many providers were heard, and `anomalies` may be empty. Else `source` names
    all who answered, separated by commas.
    """

    prices: list[CheckedRow]
    count: int
    source: str | None = None
    sources_used: int | None = None
    anomalies: list[Anomaly] | None = None
    cross_checked: bool = False
    missing: dict[str, str] = {}


class Prices(Marked, frozen=True, kw_only=True):
    """`timestamp` is when the oldest of them was fetched."""

    success: bool
    data: PricesData
    method: Literal["cross_checked", "fallback"]
    timestamp: datetime


def route_of(desk: Desk) -> HTTPRouteHandler:
    """`/api/multi-source/prices`."""

    async def tell(asked: PricesParameters) -> Told:
        answer = await _answer(desk, asked)
        return answer, _prices(answer, fetched(answer, desk.mux))

    return telling(
        desk,
        "/api/multi-source/prices",
        PricesParameters,
        tell,
        Prices,
        "Prices of several coins, in US dollars",
        "Two providers that disagree by more than 5 % give no price, only an anomaly; 503 where no price is left.",
    )


async def _answer(desk: Desk, asked: PricesParameters) -> Answer[Any]:
    """The table of the largest coins is an answer of its own, and says whom to cross-check where none was named."""
    symbols = asked.symbols[: asked.limit]
    if not symbols:
        table = await desk.ask(Question(Markets(asked.limit)))
        symbols = _askable(table)
        if not asked.cross_check or not symbols:
            return table
    return await desk.ask(_question(symbols, asked.cross_check))


def _question(symbols: tuple[str, ...], cross_check: bool) -> Question:
    query = Quotes(symbols)
    return Question(query, How(cross_check=True)) if cross_check else Question(query)


def _askable(table: Answer[Any]) -> tuple[str, ...]:
    """The symbols of a table that a question may name; a few coins have others."""
    found: list[str] = []
    for coin in table.items:
        try:
            found.append(canonical(coin.symbol))
        except InvalidQuery:
            continue
    return tuple(found)


def _prices(answer: Answer[Any], at: datetime) -> Prices:
    data = _crossed(answer) if answer.crossed else _plain(answer)
    return Prices(
        success=True,
        data=data,
        method="cross_checked" if answer.crossed else "fallback",
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _plain(answer: Answer[Any]) -> PricesData:
    rows = [CheckedRow(**asdict(price_row(item))) for item in answer.items]
    return PricesData(prices=rows, count=len(rows), source=named(answer), missing=_missing(answer))


def _crossed(answer: Answer[Any]) -> PricesData:
    rows = [_row(quote, answer.crossed[quote.symbol]) for quote in answer.items]
    heard = {name for one in answer.crossed.values() for name in one.providers}
    return PricesData(
        prices=rows,
        count=len(rows),
        sources_used=len(heard),
        anomalies=_anomalies(answer.crossed),
        cross_checked=True,
        missing=_missing(answer),
    )


def _row(quote: Quote, crossed: Crossed) -> CheckedRow:
    return CheckedRow(
        **asdict(price_row(quote)),
        mean=crossed.mean,
        median=crossed.median,
        min=crossed.min,
        max=crossed.max,
        stdev=crossed.stdev,
        variance=crossed.variance,
        sources=crossed.sources,
        confidence=crossed.confidence,
        all_prices=list(crossed.all_prices),
    )


def _anomalies(crossed: Mapping[str, Crossed]) -> list[Anomaly]:
    return [
        Anomaly(one.symbol, list(one.all_prices), one.mean, one.variance, Quotes.tolerance)
        for one in crossed.values()
        if one.variance > Quotes.tolerance
    ]


def _missing(answer: Answer[Any]) -> dict[str, str]:
    return {symbol: why.detail for symbol, why in answer.missing.items()}
