"""What a plugin's pure functions do wrong stays with that plugin."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from simulated.engine import world
from simulated.providers import endpoint, provider
from simulated.remote import Remote, body

from feedmux import Counts, Quotes, Terms, Window
from feedmux.breaker import State
from feedmux.event import Reason, Skipped


def raising(query):
    raise RuntimeError("a plugin's own mistake")


async def test_a_provider_whose_cost_cannot_be_told_is_passed_over():
    serves = endpoint(Quotes, Terms(ttl=60, cost=raising))
    weighed = provider(serves, limits={"windows": (Window(100, per=60, counts=Counts.COST),)})
    async with world({"p0": (weighed, Remote()), "p1": (provider(), Remote())}) as simulated:
        for n in range(3):
            assert (await simulated.mux.get(Quotes([f"S{n}"]))).providers == ("p1",)


async def test_a_provider_that_cannot_say_whether_it_refuses_is_passed_over():
    serves = msgspec.structs.replace(endpoint(Quotes, Terms(ttl=60)), refuses=raising)
    async with world({"p0": (provider(serves), Remote()), "p1": (provider(), Remote())}) as simulated:
        for n in range(3):
            assert (await simulated.mux.get(Quotes([f"S{n}"]))).providers == ("p1",)


async def test_a_provider_that_refuses_a_question_is_not_asked_it():
    only_btc = lambda query: "" if query.symbols == ("BTC",) else "BTC only"  # noqa: E731
    serves = msgspec.structs.replace(endpoint(Quotes, Terms(ttl=60)), refuses=only_btc)
    remote = Remote()
    async with world({"p0": (provider(serves), remote), "p1": (provider(), Remote())}) as simulated:
        await simulated.mux.get(Quotes(["ETH"]), prefer=["p0"])
        skips = [event for event in simulated.mux.plan(Quotes(["ETH"])).events if isinstance(event, Skipped)]

        assert remote.requests == 0
        assert [(skip.member, skip.reason, skip.detail) for skip in skips if skip.member == "p0"] == [
            ("p0", Reason.NOT_SERVED, "BTC only")
        ]


async def test_a_provider_whose_prices_are_too_old_is_asked_ever_less_and_stays_open():
    yesterday = datetime(2025, 12, 31, tzinfo=UTC).timestamp()
    remote = Remote(script=lambda call: body({"prices": dict.fromkeys(call.symbols, 1.0), "at": yesterday}))
    async with world({"p0": (provider(), remote), "p1": (provider(), Remote())}) as simulated:
        for n in range(100):
            await simulated.mux.get(Quotes([f"S{n}"]))
        old = next(row for row in simulated.mux.providers() if row.name == "p0")

        assert remote.requests <= 15
        assert old.state is not State.BLOCKED
        assert "at most 3600 s are allowed" in old.last_error
