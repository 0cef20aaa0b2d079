"""Faults of concurrency that nothing else here shows; each named after its row in docs/faults.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from simulated.engine import at_rest, world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Remote, asked_for, broken, refusal

from feedmux import DeadlineExceeded, NoProvider, Quotes, Terms, Tier, Window
from feedmux.clock import Chance
from feedmux.transport import Incoming

BTC = Quotes(["BTC"])


def three() -> dict[str, tuple[Any, Remote]]:
    return {name: (provider(), Remote()) for name in ("one", "two", "three")}


async def test_e3_a_failed_flight_is_one_error_for_all_and_no_new_stampede() -> None:
    remote = Remote(script=lambda call: refusal(30))
    async with world({"one": (provider(), remote)}) as simulated:
        ends = await asyncio.gather(*(simulated.mux.get(BTC) for _ in range(100)), return_exceptions=True)
        again = await asyncio.gather(*(simulated.mux.get(BTC) for _ in range(100)), return_exceptions=True)

        assert {type(end) for end in (*ends, *again)} == {NoProvider}
        assert remote.requests == 1


async def test_e4_a_thousand_equal_questions_are_one_request() -> None:
    providers = three()
    async with world(providers) as simulated:
        answers = await asyncio.gather(*(simulated.mux.get(BTC) for _ in range(1000)))

        assert len(simulated.order) == 1
        assert all(len(answer) == 1 for answer in answers)
        assert simulated.mux.clock.monotonic() < 1


async def test_e5_a_thousand_symbols_at_once_are_as_many_requests_as_their_batches() -> None:
    batched = provider(endpoint(Quotes, Terms(ttl=60, batch=40)), limits={"concurrency": 100})
    remote = Remote()
    async with world({"one": (batched, remote)}) as simulated:
        await asyncio.gather(*(simulated.mux.get(Quotes([f"S{n}"])) for n in range(1000)))

        assert len(asked_for(remote)) == 25


async def test_e8_tries_do_not_multiply() -> None:
    providers: dict[str, tuple[Any, Remote]] = {
        f"p{n}": (provider(), Remote(script=lambda call: broken())) for n in range(8)
    }
    async with world(providers) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(BTC)

        assert len(simulated.order) == 3


async def test_e9_who_gives_up_waiting_for_a_slot_leaves_it_to_the_next() -> None:
    limits = {"windows": (Window(1, 10),)}
    remote = Remote()
    async with world({"one": (provider(limits=limits), remote)}) as simulated:
        await simulated.mux.get(BTC)
        with pytest.raises((DeadlineExceeded, NoProvider)):
            await simulated.mux.get(Quotes(["ETH"]), deadline=2.0)
        await simulated.mux.clock.sleep(9)

        assert len(await simulated.mux.get(Quotes(["SOL"]))) == 1
        assert remote.requests == 2
        assert at_rest(simulated.mux)


async def test_e9_who_gives_up_waiting_in_line_leaves_its_place_to_the_next() -> None:
    remote = Remote(delays=(3.0, 3.0))
    async with world({"one": (provider(limits={"concurrency": 1}), remote)}) as simulated:
        mux = simulated.mux
        first = asyncio.create_task(mux.get(BTC))
        await mux.clock.sleep(0.5)
        impatient = asyncio.create_task(mux.get(Quotes(["ETH"]), deadline=1.0))
        await mux.clock.sleep(0.1)
        patient = asyncio.create_task(mux.get(Quotes(["SOL"]), deadline=10.0))
        with pytest.raises((DeadlineExceeded, NoProvider)):
            await impatient
        assert mux.clock.monotonic() < 1.6

        assert len(await first) == len(await patient) == 1
        assert mux.clock.monotonic() < 6.5
        assert remote.requests == 2
        assert at_rest(mux)


@pytest.mark.parametrize("moment", [0.0, 0.005, 0.06, 0.3, 1.0])
async def test_e12_whoever_is_cancelled_leaves_within_ten_milliseconds(moment: float) -> None:
    providers = {name: (provider(), Remote(delays=(0.5, 0.6))) for name in ("one", "two")}
    providers["one"][1].script = lambda call: broken()
    async with world(providers) as simulated:
        clock = simulated.mux.clock
        task = asyncio.create_task(simulated.mux.get(BTC))
        await clock.sleep(moment)
        began = clock.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert task.cancelled()
        assert clock.monotonic() - began < 0.01


@pytest.mark.parametrize("says", [broken, partial(refusal, 40)], ids=["down", "refusing"])
async def test_e14_after_an_outage_of_all_nobody_is_stormed(says: Callable[[], Incoming]) -> None:
    providers = three()
    async with world(providers, observed=False) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        for _, remote in providers.values():
            remote.script, remote.delays = lambda call: says(), (0.5, 0.6)
        await callers.at_random(30, 60, Chance(1).generator("outage"))
        for _, remote in providers.values():
            remote.script = None
        already, asked = len(simulated.order), callers.asked
        await callers.at_random(30, 60, Chance(2).generator("after"))

        assert len(simulated.order) - already <= 1.2 * (callers.asked - asked)
        back = [
            remote.spans for _, remote in providers.values() if any(s.status == 200 for s in remote.spans)
        ]
        assert back
        for spans in back:
            probe = next(span for span in spans if span.status == 200)
            assert [span for span in spans if probe.begun <= span.begun < probe.ended] == [probe]
        assert at_rest(simulated.mux)


async def test_e10_background_work_is_no_question_of_a_last_resort() -> None:
    last = provider(limits={"tier": Tier.LAST_RESORT})
    providers = {**three(), "last": (last, Remote())}
    async with world(providers) as simulated:
        for _, remote in providers.values():
            remote.fail()
        await asyncio.gather(
            *(simulated.mux.get(Quotes([f"S{n}"])) for n in range(30)), return_exceptions=True
        )
        already = providers["last"][1].requests
        await simulated.mux.clock.sleep(600)

        assert providers["last"][1].requests == already
