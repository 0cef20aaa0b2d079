"""What a plugin wants sent, and what it is given to build it from: no host, no key, no library's types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote, unquote, urlencode

from msgspec import Struct, convert, field

from feedmux.items import INTERVALS, Candle, Quote
from feedmux.listing import Listed
from feedmux.query import Candles, Query, Quotes

Q = TypeVar("Q", bound=Query)
R = TypeVar("R")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


class Request(Struct, frozen=True):
    """A GET for a path below the provider's host. Equal requests are one request: the key of a provider's ttl.

    Raises ValueError for a path that would leave the host or carries a query of its own.
    """

    path: str
    params: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path) or _leads_elsewhere(self.path):
            raise ValueError(f"path: begins with one / and stays below its host, got {self.path[:80]!a}")
        for name, value in self.headers.items():
            if re.search(r"[\r\n\0]", name + value):
                raise ValueError(f"headers: {name[:40]!a} has a line break")

    @property
    def target(self) -> str:
        """Path and query as they go on the wire."""
        if not self.params:
            return self.path
        written = {k: str(v).lower() if isinstance(v, bool) else v for k, v in self.params.items()}
        return f"{self.path}?{urlencode(written, quote_via=quote, safe=',')}"

    @property
    def key(self) -> str:
        """The same for equal requests, whatever the order of their parameters."""
        if len(self.params) < 2:
            return self.target
        return Request(self.path, dict(sorted(self.params.items()))).target


def _leads_elsewhere(path: str) -> bool:
    """Whether somebody on the way may take a part of the path, written plainly or with %, for one to leave out."""
    plain = unquote(path) if "%" in path else path
    return "//" in plain or ".." in plain or "/./" in plain + "/"


class Reply(Struct, frozen=True):
    """What came back: header names in lower case, the body inflated."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Row(Protocol):
    """A candle as a provider writes it; the volume is in the base asset."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class Asked(Struct, Generic[Q], frozen=True):
    """One question to one member.

    `ids` says how its listing calls each symbol (empty where it has none), `member` which of a provider's members
    is asked, `at` when (aware UTC; a request must not depend on it).
    """

    query: Q
    at: datetime
    ids: Mapping[str, Listed] = field(default_factory=dict)
    member: str = ""

    def id(self, symbol: str) -> str:
        """The provider's id of a symbol: what its listing says, what an exact asset names, else the symbol itself."""
        listed = self.ids.get(symbol)
        return listed.id if listed else symbol.partition(":")[2] or symbol

    def pair(self, symbol: str) -> str | None:
        """The market its listing gives for a symbol, such as BTC/USDT."""
        listed = self.ids.get(symbol)
        return listed.pair if listed else None

    @property
    def exact(self) -> bool:
        """Whether the question names assets by this provider's own ids; it never mixes them with symbols."""
        return any(":" in symbol for symbol in self.query.symbols_asked)

    def found(self, rows: Iterable[Mapping[str, Any]], key: str, kind: type[R]) -> list[tuple[str, R]]:
        """Of a list's rows those that are asked for, each with its symbol, read as `kind`; numbers may be text.

        `key` is where a row says the provider's id. What rows about others hold does no harm. Raises ValueError
        where a row that is asked for is not of that kind.
        """
        by_id = {str(row.get(key)): row for row in rows}
        named = [(symbol, by_id.get(self.id(symbol))) for symbol in self.query.symbols_asked]
        return [(symbol, convert(row, kind, strict=False)) for symbol, row in named if row is not None]

    def quote(
        self: Asked[Quotes], symbol: str, price: float, observed_at: datetime | None = None, **more: Any
    ) -> Quote:
        """A quote of a symbol that is asked for, with the market, the id and the doubt that its listing knows of."""
        listed = self.ids.get(symbol)
        return Quote(
            symbol=symbol,
            price=price,
            vs=self.query.vs,
            pair=self.pair(symbol),
            id=self.id(symbol),
            ambiguous=listed is not None and listed.ambiguous,
            observed_at=observed_at,
            **more,
        )

    def candle(self: Asked[Candles], opened_at: datetime, row: Row) -> Candle:
        """A candle of the series that is asked for, closed where its interval was over when it was asked for."""
        return Candle(
            symbol=self.query.symbol,
            interval=self.query.interval,
            opened_at=opened_at,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            closed=self.at - opened_at >= INTERVALS[self.query.interval],
            vs=self.query.vs,
            pair=self.pair(self.query.symbol),
        )
