"""The engine and six exchanges: whom it asks, whom it believes, and what becomes of the others when one fails."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import feedmux
from feedmux import BadPayload, Candles, Quotes, hookimpl, virtual
from feedmux.conformance.case import Case, packaged
from feedmux.event import Held, Tried
from feedmux.settings import ProviderSettings, Settings
from feedmux.transport import Incoming, Outgoing
from feedmux_aggregator import EXCHANGES, market, provider

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
CASES = packaged(Path(market.__file__).parent / "cases")
LISTINGS_LAST = sorted(CASES, key=lambda case: case.capability == "listing")
GOOD = {(case.member, case.target): case for case in LISTINGS_LAST if case.succeeds}
ALIKE = {(member, urlsplit(target).path): case for (member, target), case in reversed(GOOD.items())}
BAD = {case.name: case for case in CASES if not case.succeeds}
MEMBERS = {member.hosts[0]: member.name for member in EXCHANGES}
PRICES = {
    "coinbase": b"91240.1",
    "kraken": b"91238.50000",
    "okx": b"91236.4",
    "bybit": b"91237.9",
    "kucoin": b"91237.2",
    "coinpaprika": b"91233.77123",
}


class Exchanges:
    """Each answers as its packaged cases do, but for those in `instead`, and for the price of who lies."""

    simulated = False

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.instead: dict[str, Case] = {}
        self.lies: dict[str, bytes] = {}
        self.events: list[Any] = []

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self

    @hookimpl
    def feedmux_event(self, event: Any) -> None:
        self.events.append(event)

    async def send(self, outgoing: Outgoing) -> Incoming:
        url = urlsplit(outgoing.url)
        member = MEMBERS[f"{url.scheme}://{url.netloc}"]
        case = GOOD.get((member, f"{url.path}?{url.query}")) or ALIKE[member, url.path]
        if case.is_question:
            self.asked.append((member, case.capability))
            case = self.instead.get(member, case)
        lie = self.lies.get(member, PRICES[member])
        return Incoming(case.status, case.headers, case.content.replace(PRICES[member], lie))

    def members(self, capability: str) -> list[str]:
        return [member for member, asked in self.asked if asked == capability]

    async def aclose(self) -> None:
        """Nothing is open."""


def put(questions: Callable[[Any, Exchanges], Awaitable[None]], *members: str) -> None:
    """Ask an engine that has these exchanges alone, in virtual time."""

    async def run() -> None:
        exchanges = Exchanges()
        chosen = Settings(providers={"aggregator": ProviderSettings(members=members or None)})
        async with feedmux.open(
            chosen,
            plugins={"aggregator": provider},
            extensions={"exchanges": exchanges},
            clock=virtual.virtual_clock(NOW),
            seed=1,
        ) as mux:
            await questions(mux, exchanges)

    virtual.run(run())


def test_three_exchanges_are_asked_and_the_median_is_the_answer() -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        (quote,) = await mux.get(Quotes(["BTC"]))

        assert sorted(exchanges.members("quotes")) == ["bybit", "coinbase", "okx"]
        assert (quote.price, quote.provider, quote.origin) == (91237.9, "aggregator", "bybit, coinbase, okx")

    put(questions, "coinbase", "okx", "bybit")


def test_of_six_three_are_asked_as_one_try() -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        (quote,) = await mux.get(Quotes(["BTC"]))
        asked = exchanges.members("quotes")

        assert len(asked) == len(set(asked)) == 3
        assert quote.origin == ", ".join(sorted(asked))
        assert len([event for event in exchanges.events if isinstance(event, Tried)]) == 3

    put(questions)


def test_several_symbols_are_one_request_to_each_exchange() -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        quotes = await mux.get(Quotes(["BTC", "ETH"]))

        assert sorted(exchanges.members("quotes")) == ["bybit", "kucoin", "okx"]
        assert {quote.symbol: quote.price for quote in quotes} == {"BTC": 91237.2, "ETH": 3056.03}

    put(questions, "okx", "bybit", "kucoin")


@pytest.mark.parametrize("liar", ["coinbase", "okx", "kraken"])
def test_who_lies_is_left_out_and_named(liar: str) -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        exchanges.lies[liar] = b"850000000000"
        (quote,) = await mux.get(Quotes(["BTC"]))
        held = [event for event in exchanges.events if isinstance(event, Held)]

        assert 91236 <= quote.price <= 91241
        assert liar not in quote.origin
        assert [(event.member, event.what) for event in held] == [(f"aggregator/{liar}", "BTC")]

    put(questions, "coinbase", "okx", "kraken")


def test_two_that_disagree_are_never_averaged() -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        exchanges.lies["okx"] = b"45000"
        with pytest.raises(BadPayload, match="no consensus"):
            await mux.get(Quotes(["BTC"]))

    put(questions, "coinbase", "okx")


def test_candles_are_from_one_exchange_that_is_named() -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        series = await mux.get(Candles("BTC", "1h", 3))
        (asked,) = exchanges.members("candles")

        assert {candle.origin for candle in series} == {asked}
        assert len(series) == 3

    put(questions)


def test_candles_that_an_exchange_lacks_are_asked_of_one_that_has_them() -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        assert len(await mux.get(Candles("BTC", "4h", 3))) == 3
        assert len(await mux.get(Candles("BTC", "1w", 3))) == 3
        assert set(exchanges.members("candles")) == {"okx"}

    put(questions, "coinbase", "okx", "coinpaprika")


def test_candles_that_nobody_has_are_refused_without_asking() -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        with pytest.raises(feedmux.NoProvider, match="coinbase: does not serve it"):
            await mux.get(Candles("BTC", "30m", 3))
        assert exchanges.asked == []

    put(questions, "coinbase", "coinpaprika")


@pytest.mark.parametrize(
    ("member", "refusal"),
    [
        ("coinbase", "coinbase_throttled"),
        ("kraken", "kraken_throttled"),
        ("okx", "okx_throttled"),
        ("bybit", "bybit_shut_out"),
        ("kucoin", "kucoin_throttled"),
        ("coinpaprika", "coinpaprika_plan"),
    ],
)
def test_a_refusal_closes_its_member_and_no_other(member: str, refusal: str) -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        exchanges.instead[member] = BAD[refusal]
        for _ in range(4):
            (quote,) = await mux.get(Quotes(["BTC"]), max_age=0)
            assert member not in quote.origin
            await mux.clock.sleep(2.5)
        closed = {name for name, one in mux._fleet.standings.items() if one.breaker.state.closed}

        assert closed == {f"aggregator/{member}"}
        assert exchanges.members("quotes").count(member) == 1

    others = [name for name in ("coinbase", "kraken", "okx") if name != member]
    put(questions, member, *others[:2])


@pytest.mark.parametrize("member", ["okx", "bybit", "kucoin"])
def test_who_does_not_serve_this_place_is_off_and_the_others_answer(member: str) -> None:
    async def questions(mux: Any, exchanges: Exchanges) -> None:
        exchanges.instead[member] = BAD[f"{member}_place"]
        for _ in range(8):
            (quote,) = await mux.get(Quotes(["BTC"]), max_age=0)
            assert quote.origin == "coinbase, kraken"
            await mux.clock.sleep(2.5)
        closed = {name for name, one in mux._fleet.standings.items() if one.breaker.state.closed}
        assert closed == {f"aggregator/{member}"}

    put(questions, member, "coinbase", "kraken")
