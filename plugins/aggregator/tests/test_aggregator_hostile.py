"""No junk in a body becomes a number: a field dropped, retyped, null or negative gives true items or an error."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.conformance.case import Case, packaged
from feedmux.conformance.figures import Figures
from feedmux.errors import FeedmuxError
from feedmux.listing import Listing
from feedmux.query import Candles, Query, Quotes
from feedmux.request import Asked
from feedmux_aggregator import EXCHANGES, market

JUNK: tuple[Any, ...] = (None, True, -1, 0, 0.5, 2**64 - 1, "", "NaN", "inf", "-1", "nonsense", [], {}, [[]])
CASES = {case.name: case for case in packaged(Path(market.__file__).parent / "cases")}
MEMBERS = {member.name: member for member in EXCHANGES}
ASKED: dict[str, type[Query]] = {
    f"{member.name}_{endpoint.query.capability}": endpoint.query
    for member in EXCHANGES
    for endpoint in member.endpoints
}


def asked(case: Case, query: type[Query]) -> Asked[Any]:
    question = query.from_strings(case.parameters)
    source = MEMBERS[case.member].listing
    assert source is not None
    found = Listing.of(source.parse(CASES[f"{case.member}_listing"].content)).find("BTC", "USD")
    assert found is not None
    return Asked(question, case.asked_at, {"BTC": found}, case.member)


def broken(value: Any) -> Iterator[Any]:
    """The same document, once for each place in it and each thing that could go wrong there."""
    yield from JUNK
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {k: v for k, v in value.items() if k != key}
            yield from ({**value, key: bad} for bad in broken(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield from ([*value[:at], bad, *value[at + 1 :]] for bad in broken(inner))


@pytest.mark.parametrize("name", ASKED)
def test_junk_never_becomes_a_number(name: str) -> None:
    case, query = CASES[name], ASKED[name]
    (parse,) = (one.parse for one in MEMBERS[case.member].endpoints if one.query is query)
    question = asked(case, query)
    assert parse(case.content, question)
    for bad in broken(msgspec.json.decode(case.content)):
        body = msgspec.json.encode(bad)
        try:
            items = parse(body, question)
        except (ValueError, FeedmuxError):  # msgspec's errors are ValueErrors
            continue
        assert all(type(item) is query.item for item in items), bad
        figures = Figures(body)
        assert not [found for item in items for found in figures.foreign(item, question.query)], bad


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"NaN", b"[" * 100_000, b"<html></html>", b"\xff\xfe", b'[{"id":']
)
def test_a_body_that_is_no_document_is_an_error(name: str, body: bytes) -> None:
    case, query = CASES[name], ASKED[name]
    (parse,) = (one.parse for one in MEMBERS[case.member].endpoints if one.query is query)
    with pytest.raises((ValueError, RecursionError)):
        parse(body, asked(case, query))


def test_every_quote_and_series_is_broken_here() -> None:
    assert {*ASKED.values()} == {Quotes, Candles}
    assert len(ASKED) == 11
