"""A window never lets through more than the upstream would, however that counts."""

from __future__ import annotations

import heapq
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simulated.windows import Fixed, Sliding, most_within

from feedmux.limits import Counts, Window
from feedmux.window import GRAIN, QUIET, SlidingWindow

PER = 10.0
moments = st.floats(0, 30, allow_nan=False).map(lambda x: round(x, 3))
shares = st.floats(0, 1, allow_nan=False)


class Attempt:
    """When it starts, how long it runs, at which share of that the upstream counts it, whether it is refunded."""

    def __init__(self, start, lasts, counted, units, refunded):
        self.start, self.lasts, self.units, self.refunded = start, lasts, units, refunded
        self.counted_at = start + lasts * counted


attempts = st.lists(
    st.builds(
        Attempt,
        moments,
        st.floats(0, 15, allow_nan=False),
        shares,
        st.integers(1, 4),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=60,
)


def sent(window, asked):
    """What the upstream counts, (when, units), where each attempt goes as soon as it starts or never."""
    counted, running, order = [], [], 0
    for attempt in sorted(asked, key=lambda a: a.start):
        while running and running[0][0] <= attempt.start:
            ended, _, units = heapq.heappop(running)
            window.release(units, ended)
        if window.free(attempt.start) < attempt.units:
            continue
        window.take(attempt.units)
        if attempt.refunded:
            window.refund(attempt.units)
            continue
        order += 1
        heapq.heappush(running, (attempt.start + attempt.lasts, order, attempt.units))
        counted.append((attempt.counted_at, attempt.units))
    return counted


@given(st.integers(1, 8), attempts)
def test_no_window_of_any_phase_holds_more_than_the_limit(limit, asked):
    counted = sent(SlidingWindow(Window(limit, PER)), asked)

    assert most_within(counted, PER) <= limit


@given(st.integers(1, 8), attempts, st.floats(0, PER, exclude_max=True))
@example(1, [Attempt(0.0, 2.0, 1.0, 1, False), Attempt(11.9, 0.0, 0.0, 1, False)], 0.0)
def test_neither_a_fixed_nor_a_sliding_upstream_would_refuse(limit, asked, phase):
    counted = sent(SlidingWindow(Window(limit, PER)), asked)

    for upstream in (Fixed(limit, PER, phase=phase, by_cost=True), Sliding(limit, PER, by_cost=True)):
        assert all(upstream.allows(at, units) for at, units in sorted(counted))


@given(st.integers(1, 8), attempts, st.lists(st.tuples(moments, st.integers(0, 12)), max_size=5))
def test_what_the_upstream_says_never_lets_more_through(limit, asked, reports):
    window = SlidingWindow(Window(limit, PER))
    for _, used in reports:
        window.correct(used, 0.0)

    assert most_within(sent(window, asked), PER) <= limit


def test_a_unit_is_free_again_per_seconds_after_its_attempt_ended():
    window = SlidingWindow(Window(1, PER))
    window.take(1)
    window.release(1, 3.0)

    assert window.free(12.999) == 0
    assert window.free(13.0) == 1


def test_a_unit_whose_attempt_runs_on_is_never_free():
    window = SlidingWindow(Window(1, PER))
    window.take(1)

    assert window.free(1e9) == 0


def test_a_refunded_unit_is_free_at_once():
    window = SlidingWindow(Window(1, PER))
    window.take(1)
    window.refund(1)

    assert window.free(0.0) == 1


@given(st.integers(1, 8), attempts, st.integers(1, 8))
def test_opens_says_the_first_instant_at_which_so_much_is_free(limit, asked, units):
    window = SlidingWindow(Window(limit, PER))
    sent(window, [a for a in asked if a.refunded or a.lasts < 1])
    for _ in range(window._held):
        window.release(1, 31.0)

    opens = window.opens(units, 31.0)

    if units > limit:
        assert opens == math.inf
        return
    if opens > 31.0:
        assert window.free(math.nextafter(opens, 0)) < units
    assert window.free(opens) >= units


def test_opens_takes_attempts_under_way_to_end_now():
    window = SlidingWindow(Window(2, PER))
    window.take(2)

    assert window.opens(1, 5.0) == 15.0


def test_memory_is_bounded_however_many_requests_go():
    window = SlidingWindow(Window(1_000_000, PER))
    for n in range(50_000):
        now = n * PER / 50_000
        window.take(1)
        window.release(1, now)

    assert len(window.state(PER, PER).occupied) <= GRAIN + 2


@given(st.lists(st.integers(0, 99_000).map(lambda n: n / 10_000), min_size=1, max_size=50))
def test_what_is_kept_together_is_freed_late_never_early(ends):
    window = SlidingWindow(Window(50, PER))
    ordered = sorted(ends)
    for end in ordered:
        window.take(1)
        window.release(1, end)

    for end in ordered:
        freed = window.free(end + PER)
        assert freed <= 50 - len(ends) + sum(other <= end for other in ends)
    assert window.free(ordered[-1] + PER) == 50


def test_the_upstreams_higher_count_is_believed_for_one_window():
    window = SlidingWindow(Window(10, PER))
    window.correct(7, 1.0)

    assert window.free(1.0) == 3
    assert window.used_upstream(1.0) == 7
    assert window.free(11.0) == 10
    assert window.used_upstream(11.5) is None


def test_the_upstreams_lower_count_changes_nothing():
    window = SlidingWindow(Window(10, PER))
    window.take(6)
    window.correct(2, 1.0)

    assert window.free(1.0) == 4


@given(st.integers(1, 8), attempts, st.floats(-1e6, 1e6))
def test_a_restored_window_never_lets_through_what_the_first_would_not(limit, asked, clock_shift):
    first = SlidingWindow(Window(limit, PER))
    sent(first, asked)
    wall = 1.7e9
    second = SlidingWindow(Window(limit, PER))
    second.restore(first.state(50.0, wall), 50.0 + clock_shift, wall)

    for later in (0.0, 1.0, 4.0, 9.0):
        assert second.free(50.0 + clock_shift + later) <= first.free(50.0 + later) + first._held
    assert second.free(50.0 + clock_shift + PER + 1e-6) == limit


def test_an_attempt_under_way_when_stored_counts_as_ending_then():
    first = SlidingWindow(Window(3, PER))
    first.take(2)
    second = SlidingWindow(Window(3, PER))
    second.restore(first.state(0.0, 1000.0), 500.0, 1004.0)

    assert second.free(500.0) == 1
    assert second.free(505.9) == 1
    assert second.free(506.1) == 3


def test_a_stored_window_never_closes_for_longer_than_its_length_whatever_the_wall_clock_does():
    first = SlidingWindow(Window(1, PER))
    first.take(1)
    first.release(1, 0.0)
    second = SlidingWindow(Window(1, PER))
    second.restore(first.state(0.0, 1000.0), 0.0, 1000.0 - 86_400)

    assert second.free(PER) == 1


def test_a_leased_share_is_all_there_is():
    window = SlidingWindow(Window(10, PER, Counts.COST), share=3)

    assert window.free(0.0) == 3
    assert window.opens(4, 0.0) == math.inf


def test_an_empty_share_has_nothing_left():
    window = SlidingWindow(Window(10, PER), share=0)

    assert window.left(0.0) == 0.0
    assert window.opens(1, 0.0) == math.inf


@pytest.mark.parametrize(("taken", "left"), [(0, 1.0), (5, 0.5), (10, 0.0)])
def test_left_is_the_share_that_is_free(taken, left):
    window = SlidingWindow(Window(10, PER))
    window.take(taken)

    assert window.left(0.0) == left


def test_it_says_when_all_of_it_will_be_free():
    window = SlidingWindow(Window(3, PER))
    assert window.resets(0.0) is None
    window.take(1)
    assert window.resets(0.0) == PER
    window.release(1, 2.0)

    assert window.resets(4.0) == 8.0


def used(window, units, now):
    for _ in range(units):
        window.take(1)
        window.release(1, now)


def test_refused_with_room_it_is_believed_to_be_smaller_than_what_was_in_use():
    window = SlidingWindow(Window(60, PER))
    used(window, 11, 0.0)

    assert window.lower(1, 0.0)
    assert window.believed == 8
    assert window.free(0.0) <= 0
    assert window.room(0.0) <= 0
    assert window.free(PER) == 8


def test_it_is_believed_to_hold_more_only_after_ten_quiet_windows_and_then_a_quarter():
    window = SlidingWindow(Window(60, PER))
    used(window, 11, 0.0)
    window.lower(1, 0.0)

    assert not window.raised(QUIET * PER - 0.1)
    assert window.raised(QUIET * PER)
    assert not window.raised(QUIET * PER + 1)
    assert window.believed == 10


def test_it_waits_twice_as_long_each_time_that_more_proved_too_much():
    window, now = SlidingWindow(Window(60, PER)), 0.0
    waits = []
    for _ in range(8):
        used(window, 11, now)
        window.lower(1, now)
        before = now
        while not window.raised(now):
            now += PER
        waits.append((now - before) / PER)

    assert waits == [10, 20, 40, 80, 160, 320, 320, 320]


def test_in_the_end_it_is_believed_to_hold_what_was_declared():
    window, now = SlidingWindow(Window(60, PER)), 0.0
    used(window, 2, now)
    window.lower(1, now)
    assert window.believed == 1
    while window.believed < 60:
        now += QUIET * PER
        assert window.raised(now)

    assert window.believed == window.free(now) == 60


def test_a_refusal_of_the_first_request_says_nothing_of_a_window():
    window = SlidingWindow(Window(60, PER))
    used(window, 1, 0.0)

    assert not window.lower(1, 0.0)


def test_a_window_of_a_day_is_not_lowered_by_a_guess():
    window = SlidingWindow(Window(6000, 86_400.0))
    used(window, 100, 0.0)

    assert not window.lower(1, 0.0)


@given(
    st.integers(1, 60),
    st.lists(
        st.tuples(st.sampled_from(["take", "refuse", "raise", "say"]), st.floats(0, 40), st.integers(1, 5)),
        max_size=80,
    ),
)
def test_it_is_never_believed_to_hold_more_than_declared_nor_less_than_one(limit, steps):
    window, now = SlidingWindow(Window(limit, PER)), 0.0
    for what, after, units in steps:
        now += after
        if what == "take" and window.free(now) >= units:
            window.take(units)
            window.release(units, now)
        elif what == "refuse":
            window.lower(1, now)
        elif what == "raise":
            window.raised(now)
        elif what == "say":
            window.correct(units, now)
        assert 1 <= window.believed <= limit
        assert window.known_free <= limit - window.used(now)
        assert window.free(now) <= max(0, window.believed - window.used(now))


WEEKS = 30 * 86_400.0


@pytest.mark.parametrize("per", [60.0, 86_400.0])
def test_a_short_window_is_not_paced(per):
    assert SlidingWindow(Window(100, per=per)).today(0.0) is None


def test_a_day_may_take_a_fifteenth_of_what_is_left_of_a_month():
    window = SlidingWindow(Window(900, per=WEEKS))
    assert window.today(0.0) == (60.0, 60.0)
    for _ in range(20):
        window.take(1)
        window.release(1, 10.0)
    assert window.today(20.0) == (60.0, 40.0)
    assert window.today(10.0 + 90_000.0) == pytest.approx((880 / 15, 880 / 15))


def test_a_month_spent_at_its_pace_never_runs_out():
    window, now, least = SlidingWindow(Window(900, per=WEEKS)), 0.0, 900
    for _ in range(120):
        while (today := window.today(now)) is not None and today[1] >= 1.0:
            window.take(1)
            window.release(1, now)
        least = min(least, window.free(now))
        now += 86_400.0 * 1.05
    assert least > 0
