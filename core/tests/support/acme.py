"""A provider made up for tests of the conformance suite, its cases, and a way to break either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, json
from msgspec.structs import replace

from feedmux import (
    Asked,
    Endpoint,
    Failure,
    Key,
    Limits,
    Provider,
    Quote,
    Quotes,
    RateLimited,
    Request,
    Terms,
    Window,
)
from feedmux.conformance import Case, Grade, Subject
from feedmux.conformance.report import Verdict

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


class _Row(Struct):
    ticker: str
    last: float


def quotes_request(asked: Asked[Quotes]) -> Request:
    return Request("/prices", {"tickers": ",".join(asked.query.symbols)})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    rows = {row.ticker: row for row in json.decode(body, type=list[_Row])}
    return [Quote(symbol=s, price=rows[s].last, vs=asked.query.vs) for s in asked.query.symbols if s in rows]


ENDPOINT = Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=5, batch=50))
QUOTES = Case(
    name="quotes",
    capability="quotes",
    parameters={"symbols": ["BTC", "ETH"]},
    asked_at=AT,
    target="/prices?tickers=BTC,ETH",
    body='[{"ticker":"BTC","last":91234.5},{"ticker":"ETH","last":3056.78}]',
    grade=Grade.MADE,
)
THROTTLED = replace(
    QUOTES,
    name="throttled",
    status=429,
    headers={"retry-after": "17"},
    body='{"error":"slow down"}',
    expected="rate-limited",
    retry_after=17.0,
)
HEALTH = Case(name="health", capability="health", asked_at=AT, target="/ping", body="{}", grade=Grade.MADE)
CASES = (QUOTES, THROTTLED, HEALTH)


def provider(kind: type[Provider] = Provider, **changed: Any) -> Provider:
    """The provider, but for what is changed of its declaration; it wants a key, so that one could show."""
    declared: dict[str, Any] = {
        "hosts": ("https://api.acme.example",),
        "limits": Limits(weight=10, windows=(Window(60, per=60),)),
        "endpoints": (ENDPOINT,),
        "health": Request("/ping"),
        "key": Key(header="x-api-key"),
        "errors": (Failure(RateLimited, status=200, path="code", equals="busy"),),
        "attribution": "Acme",
        "docs": "https://docs.acme.example",
    }
    return kind(**{**declared, **changed})


def subject(plugin: Provider | None = None, cases: Sequence[Case] = CASES) -> Subject:
    return Subject("acme", plugin or provider(), cases)


def endpoint(**changed: Any) -> tuple[Endpoint, ...]:
    """The one endpoint, but for what is changed of it."""
    return (replace(ENDPOINT, **changed),)


def found(check: Callable[[Subject], Verdict], checked: Subject) -> str:
    """What a check finds, in one text."""
    return "\n".join(check(checked).findings)
