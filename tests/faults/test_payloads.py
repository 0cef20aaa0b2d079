"""Faults in what a body says that nothing else here shows: rows D1 to D21, each named in its test."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote
from simulated.remote import body as answer_of

from feedmux import BadPayload, Quotes
from feedmux.transport import Incoming

BTC = Quotes(["BTC"])
KNOWN = 48_000.0


@pytest.mark.parametrize("said", [850e9, 789e9, KNOWN * 1000, KNOWN / 1000, 1e308, 1e-320])
async def test_d5_a_price_out_of_this_world_is_served_to_nobody(said: float) -> None:
    liar, honest = Remote(), Remote()
    providers = {"one": (provider(weight=1000), liar), "two": (provider(), honest)}
    liar.prices = honest.prices = {"BTC": KNOWN}
    async with world(providers) as simulated:
        await simulated.mux.get(BTC)
        await simulated.mux.clock.sleep(30)
        liar.prices = {"BTC": said}
        (item,) = await simulated.mux.get(BTC, prefer=["one"])

    assert item.price == KNOWN


async def test_d6_a_crash_that_two_providers_see_passes_at_once() -> None:
    one, two = Remote(), Remote()
    one.prices = two.prices = {"BTC": KNOWN}
    async with world({"one": (provider(), one), "two": (provider(), two)}) as simulated:
        await simulated.mux.get(BTC)
        before = one.requests + two.requests
        await simulated.mux.clock.sleep(30)
        one.prices = two.prices = {"BTC": KNOWN * 0.4}
        (item,) = await simulated.mux.get(BTC)

    assert item.price == pytest.approx(KNOWN * 0.4)
    assert one.requests + two.requests == before + 2


@pytest.mark.parametrize(
    "raw",
    [
        b'{"prices": {"BTC": 1' + b"0" * 400 + b"}}",
        b'{"prices": {"BTC": 1e999}}',
        b'{"prices": {"BTC": -0.0}}',
        b'{"prices": {"BTC": NaN}}',
        b'{"prices": {"BTC": "nan"}}',
        b'{"prices": {"BTC": true}}',
        b'{"more": ' + b"[" * 100_000,
        b'\xef\xbb\xbf{"prices": {"BTC"',
    ],
    ids=[
        "400 digits",
        "1e999",
        "-0.0",
        "NaN",
        "nan as text",
        "true",
        "100,000 deep",
        "a cut text with a BOM",
    ],
)
async def test_d2_d11_d12_a_number_that_is_none_is_garbage(raw: bytes) -> None:
    async with world({"one": (provider(), Remote(script=lambda call: Incoming(200, {}, raw)))}) as simulated:
        with pytest.raises(BadPayload):
            await simulated.mux.get(BTC)


async def test_d10_of_two_equal_keys_the_last_counts() -> None:
    raw = b'{"prices": {"BTC": 1, "BTC": 2}}'
    async with world({"one": (provider(), Remote(script=lambda call: Incoming(200, {}, raw)))}) as simulated:
        (item,) = await simulated.mux.get(BTC)

    assert item.price == 2


async def test_d12_more_items_than_anybody_can_have_meant_are_garbage() -> None:
    many = {f"S{number}": 1.0 for number in range(20_001)}
    remote = Remote(script=lambda call: answer_of({"prices": many}))
    async with world({"one": (provider(), remote)}) as simulated:
        with pytest.raises(BadPayload, match="more than 20000"):
            await simulated.mux.get(BTC)
