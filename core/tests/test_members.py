"""Members that speak languages of their own: each is asked, read and understood as it declares itself."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import json
from simulated.engine import world
from simulated.providers import endpoint
from simulated.remote import Call, Remote, body

from feedmux import (
    Asked,
    Endpoint,
    Failure,
    Gas,
    Limits,
    Listed,
    ListingSource,
    Member,
    NoProvider,
    Provider,
    Quote,
    Quotes,
    RateLimited,
    Request,
    Terms,
    UnknownSymbol,
    virtual,
)
from feedmux.transport import Incoming


def market_request(asked: Asked[Quotes]) -> Request:
    return Request(f"/markets/{asked.id(asked.query.symbols[0])}")


def parse_market(content: bytes, asked: Asked[Quotes]) -> list[Quote]:
    return [Quote(symbol=asked.query.symbols[0], price=json.decode(content, type=float), vs=asked.query.vs)]


def parse_markets(content: bytes) -> list[Listed]:
    return [Listed(name, id=f"{name.lower()}-usd") for name in json.decode(content, type=list[str])]


OWN = Member(
    "own",
    ("https://own.example",),
    endpoints=(
        Endpoint(
            Quotes,
            market_request,
            parse_market,
            Terms(ttl=30),
            refuses=lambda query: "not that one" if "ETH" in query.symbols else "",
        ),
    ),
    listing=ListingSource(Request("/markets"), parse_markets),
    errors=(Failure(RateLimited, status=200, path="error", equals="slow down", wait=40),),
    health=Request("/own-health"),
)
PLAIN = Member("plain", ("https://plain.example",))


def answer(call: Call) -> Incoming:
    if call.host == "https://plain.example":
        return body({"prices": dict.fromkeys(call.symbols, 100.0)})
    return body(["BTC", "ETH"] if call.path == "/markets" else 200.0)


def spoken(*members: Member, script: Any = answer) -> tuple[Provider, Remote]:
    provider = Provider(
        hosts=(),
        members=members,
        limits=Limits(weight=10),
        endpoints=(endpoint(Quotes, Terms(ttl=30)), endpoint(Gas, Terms(ttl=30))),
        errors=(Failure(UnknownSymbol, status=418),),
        health=Request("/health"),
    )
    return provider, Remote(script=script)


async def test_a_member_is_asked_and_read_as_it_speaks_itself():
    provider, remote = spoken(OWN)
    async with world({"many": (provider, remote)}) as simulated:
        (quote,) = await simulated.mux.get(Quotes(["BTC"]))

        assert quote.price == 200.0
        assert [call.path for call in remote.calls] == ["/markets", "/markets/btc-usd"]


async def test_a_member_that_says_nothing_of_its_own_speaks_as_its_provider_does():
    provider, remote = spoken(PLAIN)
    async with world({"many": (provider, remote)}) as simulated:
        (quote,) = await simulated.mux.get(Quotes(["BTC"]))

        assert quote.price == 100.0
        assert [call.path for call in remote.calls] == ["/quotes"]


async def test_a_member_serves_what_it_has_endpoints_for_and_nothing_else():
    provider, remote = spoken(OWN)
    async with world({"many": (provider, remote)}) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(Gas())

        assert remote.calls == []


async def test_what_a_member_refuses_is_asked_of_another():
    provider, remote = spoken(OWN, PLAIN)
    async with world({"many": (provider, remote)}) as simulated:
        for _ in range(4):
            (quote,) = await simulated.mux.get(Quotes(["ETH"]))
            await simulated.mux.clock.sleep(40)
            assert quote.price == 100.0


async def test_a_members_errors_are_its_own_and_close_no_other():
    def script(call: Call) -> Incoming:
        own = call.host == "https://own.example" and call.path != "/markets"
        return body({"error": "slow down"}) if own else answer(call)

    provider, remote = spoken(OWN, PLAIN, script=script)
    async with world({"many": (provider, remote)}) as simulated:
        for _ in range(4):
            await simulated.mux.get(Quotes(["BTC"]), max_age=0)
            await simulated.mux.clock.sleep(1)
        standings = simulated.mux._fleet.standings

        assert standings["many/own"].breaker.state.closed
        assert not standings["many/plain"].breaker.state.closed


def test_a_member_reads_its_providers_dictionary_after_its_own():
    provider, _ = spoken(OWN, PLAIN)
    upstream = provider.feedmux_upstream()

    assert upstream.of("own").failures == (*OWN.errors, *upstream.failures)
    assert upstream.of("plain").failures == upstream.failures
    assert upstream.of("") is upstream.of("nobody") is upstream


@pytest.mark.parametrize(("member", "path"), [("own", "/own-health"), ("plain", "/health")])
def test_a_members_own_health_check_goes_before_its_providers(member, path):
    class Client:
        def __init__(self):
            self.member, self.sent = member, []

        async def send(self, request):
            self.sent.append(request.path)

    client = Client()
    virtual.run(spoken(OWN, PLAIN)[0].feedmux_health(http=client))

    assert client.sent == [path]


def test_a_provider_without_any_health_check_is_a_mistake():
    with pytest.raises(ValueError, match="health"):
        Provider(hosts=(), members=(OWN, PLAIN), limits=Limits(weight=1))


def test_a_provider_may_be_nothing_but_its_members():
    provider = Provider(hosts=(), members=(OWN,), limits=Limits(weight=1))

    assert provider.feedmux_limits().serves == {Quotes: Terms(ttl=30)}
