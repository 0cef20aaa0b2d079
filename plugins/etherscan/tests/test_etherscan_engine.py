"""Etherscan behind the engine: what it is asked, what not, and where its key goes."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

import feedmux
from feedmux import Gas, NoProvider, Quotes, hookimpl, virtual
from feedmux.settings import settings_from
from feedmux.transport import Incoming, Outgoing
from feedmux_etherscan import Transactions, provider

HERE = Path(__file__).parent
KEY = "K" * 34
ADDRESS = "0x4193122032b38236825bba166f42e54fc3f4a1ee"


class Upstream:
    """Answers each action with a recorded body; the price is a second old."""

    simulated = False

    def __init__(self, clock: virtual.LoopClock) -> None:
        self.sent: list[Outgoing] = []
        self._clock = clock

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self

    async def send(self, outgoing: Outgoing) -> Incoming:
        self.sent.append(outgoing)
        (action,) = parse_qs(urlsplit(outgoing.url).query)["action"]
        return Incoming(200, {}, self._body(action))

    def _body(self, action: str) -> bytes:
        if action == "ethprice":
            now = str(int(self._clock.now().timestamp()) - 1)
            stamps = {"ethusd_timestamp": now, "ethbtc_timestamp": now}
            return msgspec.json.encode(
                {"status": "1", "message": "OK", "result": {"ethusd": "3000.5", "ethbtc": "0.03", **stamps}}
            )
        name = {"txlist": "account_txlist", "gasoracle": "gastracker_gasoracle_2025-09_decimals"}[action]
        return (HERE / "recorded" / f"{name}.json").read_bytes()

    async def aclose(self) -> None:
        """Nothing is open."""


def asked(questions: Callable[[Any, Upstream], Awaitable[None]], key: str | None = KEY) -> None:
    """Ask an engine that has Etherscan alone, in virtual time."""

    async def run() -> None:
        clock = virtual.virtual_clock()
        upstream = Upstream(clock)
        section = {"api_key": key} if key else {}
        chosen = settings_from({"providers": {"etherscan": section}}, {})
        async with feedmux.open(
            chosen, plugins={"etherscan": provider}, extensions={"upstream": upstream}, clock=clock, seed=1
        ) as mux:
            await questions(mux, upstream)

    virtual.run(run())


def test_ether_is_quoted_and_nothing_else_is_asked_for() -> None:
    async def questions(mux: Any, upstream: Upstream) -> None:
        answer = await mux.get(Quotes(("ETH", "BTC")))
        assert [(quote.symbol, quote.price, quote.provider) for quote in answer] == [
            ("ETH", 3000.5, "etherscan")
        ]
        assert set(answer.missing) == {"BTC"}
        assert [urlsplit(out.url).path for out in upstream.sent] == ["/v2/api"]

    asked(questions)


@pytest.mark.parametrize(("vs", "price"), [("USD", 3000.5), ("BTC", 0.03)])
def test_an_exact_asset_and_both_currencies_are_quoted(vs: str, price: float) -> None:
    async def questions(mux: Any, upstream: Upstream) -> None:
        (quote,) = await mux.get(Quotes(("ETH",), vs))
        assert (quote.price, quote.vs) == (price, vs)
        (exact,) = await mux.get(Quotes((f"etherscan:eth{vs.lower()}",), vs))
        assert exact.price == price

    asked(questions)


def test_a_currency_it_does_not_quote_is_not_asked_for() -> None:
    async def questions(mux: Any, upstream: Upstream) -> None:
        with pytest.raises(feedmux.FeedmuxError):
            await mux.get(Quotes(("ETH",), "EUR"))
        assert upstream.sent == []

    asked(questions)


def test_transactions_from_years_ago_are_the_latest_all_the_same() -> None:
    async def questions(mux: Any, upstream: Upstream) -> None:
        answer = await mux.get(Transactions(ADDRESS, limit=1))
        assert len(answer) == 1
        assert answer.items[0].at.year < 2026
        assert answer.items[0].observed_at == answer.fetched_at

    asked(questions)


def test_without_a_key_it_is_loaded_and_gets_no_traffic() -> None:
    async def questions(mux: Any, upstream: Upstream) -> None:
        with pytest.raises(NoProvider):
            await mux.get(Gas())
        assert upstream.sent == []

    asked(questions, key=None)


def test_the_key_is_on_the_wire_and_nowhere_else() -> None:
    async def questions(mux: Any, upstream: Upstream) -> None:
        answer = await mux.get(Gas())
        (out,) = upstream.sent
        assert out.secret_params == f"apikey={KEY}"
        assert KEY not in out.url
        assert KEY not in str(msgspec.json.encode(answer.document())) + str(answer.trace)

    asked(questions)
