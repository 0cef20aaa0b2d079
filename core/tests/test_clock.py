"""Intervals run on the monotonic clock: whatever the wall clock does, nothing reopens early or stays shut."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote, in_turn, refusal

from feedmux import Backoff, NoProvider, Quotes, Window
from feedmux.clock import Chance, LoopClock, from_unix, from_unix_ms
from feedmux.virtual import START

JUMPS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400), timedelta(minutes=-4)]


class Jumping(LoopClock):
    """A clock whose wall time is set by somebody else meanwhile."""

    def __init__(self):
        super().__init__(START)
        self.off = timedelta(0)

    def now(self):
        return super().now() + self.off


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_backoff_lasts_as_long_as_it_lasts(jump):
    clock, remote = Jumping(), Remote(script=in_turn(refusal(), None))
    declared = provider(limits={"backoff": Backoff(steps=(120,))})
    async with world({"one": (declared, remote)}, clock=clock) as simulated:
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))
        clock.off = jump
        await clock.sleep(110)
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))
        await clock.sleep(10)

        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_window_too(jump):
    clock, declared = Jumping(), provider(limits={"windows": (Window(1, 60),)})
    async with world({"one": (declared, Remote())}, clock=clock) as simulated:
        await simulated.mux.get(Quotes(["A"]))
        clock.off = jump
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["B"]))
        await clock.sleep(60.1)

        assert len(await simulated.mux.get(Quotes(["B"]))) == 1


@pytest.mark.parametrize("jump", JUMPS)
async def test_what_is_fresh_stays_so_and_then_is_asked_for_again(jump):
    clock, remote = Jumping(), Remote()
    async with world({"one": (provider(), remote)}, clock=clock) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        clock.off = jump
        await simulated.mux.get(Quotes(["BTC"]))
        assert remote.requests == 1
        await clock.sleep(11)

        assert not (await simulated.mux.get(Quotes(["BTC"]))).stale
        assert remote.requests == 2


@given(st.one_of(st.integers(), st.floats(), st.text(max_size=8)))
def test_a_unix_time_is_an_instant_or_a_value_error(value):
    for read in (from_unix, from_unix_ms):
        try:
            instant = read(value)
        except (ValueError, TypeError):
            continue
        assert instant.tzinfo is not None


def test_one_more_draw_in_one_place_moves_nothing_elsewhere():
    one, other = Chance(1), Chance(1)
    one.generator("a").random()

    assert one.generator("b").random() == other.generator("b").random()
    assert Chance(1).generator("a").random() != Chance(2).generator("a").random()
