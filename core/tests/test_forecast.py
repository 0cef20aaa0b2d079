"""How fast a window is used, and when it runs out if that goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Quotes, Window
from feedmux.forecast import rate, runs_out

DAY = 86_400.0


def test_of_a_day_the_rate_is_that_of_the_last_hour():
    occupied = [(1_000.0, 500), (DAY - 3_601, 400), (DAY - 3_599, 36), (DAY, 36)]

    assert rate(occupied, DAY, now=0.0) == pytest.approx(72 / 3600)


def test_of_a_minute_it_is_that_of_the_whole_minute():
    assert rate([(1.0, 30), (60.0, 30)], 60.0, now=0.0) == 1.0


def test_it_runs_out_where_it_is_used_faster_than_it_frees_itself():
    assert runs_out([(DAY, 500)], 500, DAY, 0.1, now=0.0) == 5_000.0


def test_what_frees_itself_meanwhile_puts_it_off():
    assert runs_out([(1_000.0, 400), (DAY, 100)], 500, DAY, 0.1, now=0.0) == 9_000.0


def test_at_a_pace_that_the_window_bears_it_never_does():
    assert runs_out([(1_000.0, 400), (DAY, 100)], 500, DAY, 0.01, now=0.0) is None
    assert runs_out([(DAY, 999)], 1, DAY, 0.0, now=0.0) is None


def test_one_that_is_used_up_has_run_out():
    assert runs_out([(DAY, 1000)], 0, DAY, 0.0, now=0.0) == 0.0


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 5)), max_size=10),
    st.integers(1, 60),
    st.integers(1, 30),
)
def test_it_is_what_counting_tenth_by_tenth_says(occupied, left, speed):
    ends = [(float(until), units) for until, units in occupied]
    used = [
        speed * tenth / 10 - sum(units for until, units in ends if until * 10 < tenth)
        for tenth in range(1001)
    ]
    counted = next((tenth / 10 for tenth, units in enumerate(used) if units >= left - 1e-9), None)

    said = runs_out(ends, left, 100.0, speed, now=0.0)

    assert (said is None) == (counted is None)
    assert said is None or counted - 0.1 - 1e-6 <= said <= counted + 1e-6


async def test_the_ledger_shows_both():
    providers = {"p": (provider(limits={"windows": (Window(100, DAY),)}), Remote())}
    async with world(providers) as simulated:
        for n in range(10):
            await simulated.mux.get(Quotes([f"S{n}"]))
        (row,) = simulated.mux.ledger()

        assert row.rate == pytest.approx(10 / 3600)
        assert row.runs_out == pytest.approx(90 * 360)
