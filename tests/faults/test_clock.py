"""Faults of time that nothing else here shows: rows T1 to T7, each named in its test."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import NoProvider, Quotes, Window
from feedmux.clock import LoopClock, from_unix
from feedmux.failure import retry_after
from feedmux.virtual import START

BTC = Quotes(["BTC"])
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Suspended(LoopClock):
    """A clock that goes on while the machine sleeps."""

    def __init__(self) -> None:
        super().__init__(START)
        self.slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept


async def test_t3_after_eight_hours_of_sleep_the_windows_are_free_and_nothing_is_made_up_for() -> None:
    clock, remote = Suspended(), Remote()
    declared = provider(limits={"windows": (Window(1, 3600),)})
    async with world({"one": (declared, remote)}, clock=clock) as simulated:
        await simulated.mux.get(BTC)
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["ETH"]))
        clock.slept = 8 * 3600.0
        await clock.sleep(1)
        assert remote.requests == 1

        assert not (await simulated.mux.get(BTC)).stale
        assert remote.requests == 2


@pytest.mark.parametrize("seconds", [0, 2**31, 2**32, -1])
def test_t5_instants_at_the_edge_of_a_counter_are_read(seconds: int) -> None:
    assert from_unix(seconds).timestamp() == seconds


@pytest.mark.parametrize("date", ["Thu, 31 Dec 2026 23:59:60 GMT", "Tue, 19 Jan 2038 03:14:08 GMT", "x"])
def test_t5_a_date_with_a_leap_second_or_past_2038_is_read_or_passed_over(date: str) -> None:
    asked = retry_after({"retry-after": date}, NOW)
    assert asked is None or 0 < asked <= 7 * 86_400


async def test_t7_what_was_fetched_at_one_moment_is_not_asked_for_again_at_one_moment() -> None:
    remote = Remote(delays=(0.0, 0.0))
    async with world({"one": (provider(ttl=300), remote)}) as simulated:
        mux = simulated.mux
        await asyncio.gather(*(mux.get(Quotes([f"S{number}"])) for number in range(40)))
        await mux.clock.sleep(20)
        waits = {
            round(skipped.wait, 3)
            for number in range(40)
            for skipped in mux.plan(Quotes([f"S{number}"])).events
            if getattr(skipped, "wait", None)
        }

    assert len(waits) > 20
    assert max(waits) - min(waits) > 10
