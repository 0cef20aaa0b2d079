"""How far the machine's clock is off is learned from several upstreams, and changes nothing that is measured."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Quotes
from feedmux.skew import AGREED, EVERY, LEAST, MOST, NEWS, CorrectedClock
from feedmux.virtual import START


class Machine:
    """A machine whose wall clock is `ahead` of the true one by so many seconds, at `time` seconds after its start."""

    def __init__(self, ahead=0.0):
        self.ahead = ahead
        self.time = 1000.0

    def monotonic(self):
        return self.time

    def now(self):
        return self.true() + timedelta(seconds=self.ahead)

    def true(self):
        return START + timedelta(seconds=self.time)

    async def sleep(self, seconds):
        self.time += seconds


def said(clock, machine, **offsets):
    """Each upstream says what time it is: the true one and so many seconds more."""
    for name, off in offsets.items():
        dated(clock, machine, name, off)


def dated(clock, machine, name, off=0.0, **headers):
    date = format_datetime(machine.true() + timedelta(seconds=off), usegmt=True)
    clock.heard(name, {"date": date, **headers}, machine.time)


def wrong(clock, machine):
    return (clock.now() - machine.true()).total_seconds()


def test_two_upstreams_that_agree_correct_the_wall_clock():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0, b=2)

    assert abs(wrong(clock, machine)) <= 2
    assert 400 <= clock.offset <= 402


def test_one_alone_is_not_believed():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0)

    assert clock.offset == 0.0


def test_two_that_disagree_are_not_believed():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0, b=3000)

    assert clock.offset == 0.0


@given(
    st.floats(-MOST / 2, MOST / 2),
    st.lists(st.floats(-AGREED / 2, AGREED / 2), min_size=1, max_size=6),
    st.floats(-2 * MOST, 2 * MOST),
    st.integers(0, 6),
)
def test_one_liar_never_makes_the_clock_wrong(ahead, honest, lie, place):
    machine = Machine(ahead)
    clock = CorrectedClock(machine)
    voices = [*honest[:place], lie, *honest[place:]]
    for number, off in enumerate(voices):
        dated(clock, machine, f"upstream-{number}", off)

    assert (
        abs(wrong(clock, machine)) <= max(abs(ahead), LEAST) + 1 or abs(wrong(clock, machine)) <= AGREED + 1
    )
    if clock.offset:
        assert abs(wrong(clock, machine)) <= 1.5 * AGREED + 1


def test_a_clock_that_is_about_right_is_left_alone():
    machine = Machine(ahead=-LEAST + 2)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0, b=0, c=1)

    assert clock.offset == 0.0
    assert clock.now() == machine.now()


def test_what_is_off_by_more_than_a_day_is_nobodys_word():
    machine = Machine()
    clock = CorrectedClock(machine)
    said(clock, machine, a=2 * MOST, b=2 * MOST)

    assert clock.offset == 0.0


def test_a_reply_that_was_kept_on_its_way_is_as_old_as_it_says():
    machine = Machine()
    clock = CorrectedClock(machine)
    for name in "ab":
        dated(clock, machine, name, off=-300, age="300")

    assert clock.offset == 0.0


def test_what_is_no_date_says_nothing():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    for name in "abc":
        clock.heard(name, {"date": "yesterday"}, machine.time)
        clock.heard(name + "2", {}, machine.time)

    assert clock.offset == 0.0


def test_each_upstream_is_looked_at_once_a_minute():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0, b=0)
    said(clock, machine, a=900, b=900)
    assert round(clock.offset) == 400

    machine.time += EVERY
    said(clock, machine, a=100, b=100)
    assert round(clock.offset) == 500


def test_what_was_said_long_ago_is_forgotten():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0)
    machine.time += NEWS + 1
    said(clock, machine, b=0)

    assert clock.offset == 0.0


def test_a_clock_that_is_set_right_is_believed_again_at_once():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0, b=0)
    machine.time += 100
    machine.ahead = 0.0

    assert clock.now() == machine.now()
    assert clock.offset == 0.0
    said(clock, machine, a=0, b=0)
    assert clock.offset == 0.0


def test_what_was_said_before_the_clock_was_set_is_not_mixed_with_what_is_said_after():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0, b=0)
    machine.time += 100
    machine.ahead = 500.0
    said(clock, machine, c=0)
    assert clock.offset == 0.0

    said(clock, machine, a=0, b=0)
    assert round(clock.offset) == -500


def test_the_monotonic_clock_is_the_machines_own():
    machine = Machine(ahead=-400.0)
    clock = CorrectedClock(machine)
    said(clock, machine, a=0, b=0)

    assert clock.monotonic() == machine.time


async def test_a_simulated_upstream_says_nothing_of_the_time():
    class Simulated(Remote):
        simulated = True

    def script(call):
        answer = upstreams["one"].answer(call)
        answer.headers["date"] = format_datetime(START + timedelta(hours=3), usegmt=True)
        return answer

    upstreams = {name: Simulated(script=script) for name in ("one", "two")}
    async with world({name: (provider(), remote) for name, remote in upstreams.items()}) as simulated:
        for name in upstreams:
            await simulated.mux.get(Quotes(["BTC"]), only=[name])

        assert simulated.mux.clock.offset == 0.0
