"""A permit is taken whole or not at all, and ends exactly once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote, body
from simulated.windows import most_within

from feedmux import Quotes, UsedHeader
from feedmux.limits import Counts, Limits, Window
from feedmux.quota import Ending, Full, Permit, Quota


def quota(*windows, shares=None, **limits):
    return Quota("pool", Limits(weight=1, windows=windows, **limits), shares)


def taken(quota, cost=1, now=0.0):
    permit = quota.take(cost, now)
    assert isinstance(permit, Permit)
    return permit


def free(quota, now=0.0):
    return [window.free(now) for window in quota.windows]


def test_a_permit_occupies_every_window():
    subject = quota(Window(5, 1), Window(10, 60), Window(100, 60, Counts.COST))

    taken(subject, cost=40)

    assert free(subject) == [4, 9, 60]


def test_where_one_window_is_full_none_is_touched():
    subject = quota(Window(5, 1), Window(50, 60, Counts.COST))
    taken(subject, cost=40)

    full = subject.take(20, 0.0)

    assert isinstance(full, Full)
    assert full.reason == "50 cost units in 60 s used"
    assert free(subject) == [4, 10]
    assert subject.in_flight == 1


def test_a_refund_is_as_if_it_had_never_been_taken():
    subject = quota(Window(5, 1), Window(50, 60, Counts.COST), min_interval=5)
    permit = taken(subject, cost=40)

    permit.refund(0.0)

    assert free(subject) == [5, 50]
    assert subject.in_flight == 0
    taken(subject)


@pytest.mark.parametrize("ending", list(Ending))
def test_however_it_ends_what_was_sent_stays_spent(ending):
    subject = quota(Window(1, 10))
    taken(subject).end(ending, 2.0)

    full = subject.take(1, 2.0)

    assert isinstance(full, Full)
    assert full.until == 12.0
    taken(subject, now=12.0)


def test_a_permit_ends_once():
    subject = quota(Window(2, 10))
    ended = taken(subject)
    ended.end(Ending.OK, 1.0)

    with pytest.raises(RuntimeError, match="once"):
        ended.end(Ending.OK, 1.0)
    with pytest.raises(RuntimeError, match="once"):
        ended.refund(1.0)
    assert subject.in_flight == 0


def test_no_more_requests_are_in_flight_than_declared():
    subject = quota(concurrency=2)
    first = taken(subject)
    taken(subject)

    full = subject.take(1, 0.0)
    assert isinstance(full, Full)
    assert full.momentary
    first.end(Ending.OK, 1.0)
    taken(subject, now=1.0)


def test_the_interval_runs_from_the_end_of_one_to_the_start_of_the_next():
    subject = quota(min_interval=6)
    taken(subject).end(Ending.OK, 2.0)

    full = subject.take(1, 7.9)
    assert isinstance(full, Full)
    assert (full.until, full.momentary) == (8.0, True)
    taken(subject, now=8.0)


def test_while_one_runs_the_interval_has_not_begun():
    subject = quota(min_interval=6)
    taken(subject)

    assert isinstance(subject.take(1, 1e6), Full)


def test_of_several_full_windows_the_last_to_open_is_named():
    subject = quota(Window(1, 10), Window(1, 60))
    taken(subject).end(Ending.OK, 0.0)

    full = subject.take(1, 1.0)

    assert isinstance(full, Full)
    assert (full.until, full.reason) == (60.0, "1 requests in 60 s used")


def test_background_work_leaves_a_fifth_of_every_window():
    subject = quota(Window(10, 60), Window(1000, 3600))
    for _ in range(8):
        permit = subject.take_spare(1, 0.0)
        assert isinstance(permit, Permit)
        permit.end(Ending.OK, 0.0)

    full = subject.take_spare(1, 0.0)

    assert isinstance(full, Full)
    assert full.until == 60.0
    taken(subject)


def test_a_request_may_cost_nothing_of_a_cost_window():
    subject = quota(Window(10, 60, Counts.COST))
    taken(subject, cost=10)

    taken(subject, cost=0)


def test_without_windows_everything_is_left():
    assert quota().left(0.0) == 1.0


def test_the_least_share_left_is_told():
    subject = quota(Window(10, 60), Window(4, 10))
    taken(subject)

    assert subject.left(0.0) == 0.75


def test_only_the_window_the_upstream_spoke_of_is_corrected():
    subject = quota(Window(10, 60), Window(10, 60, Counts.COST), Window(10, 10))

    subject.correct(60, Counts.COST, 9, 0.0)

    assert free(subject) == [10, 1, 10]


def test_a_leased_share_bounds_the_window():
    subject = quota(Window(10, 60), shares=[2])
    taken(subject)
    taken(subject)

    assert isinstance(subject.take(1, 0.0), Full)


steps = st.lists(
    st.tuples(st.floats(0, 3), st.integers(1, 3), st.floats(0, 4), st.sampled_from(["end", "refund"])),
    max_size=60,
)


@given(steps, st.integers(1, 4), st.sampled_from([0.0, 0.5, 2.0]))
def test_slack_is_never_more_than_what_may_go(asked, concurrency, interval):
    subject = quota(Window(4, 5), Window(9, 20), concurrency=concurrency, min_interval=interval)
    now, running = 0.0, []
    for gap, _, lasts, ending in asked:
        now += gap
        for permit, end, how in [one for one in running if one[1] <= now]:
            permit.end(Ending.OK, end) if how == "end" else permit.refund(end)
        running = [one for one in running if one[1] > now]
        assert (subject.room(1, now) is None) >= (subject.slack >= 1)
        permit = subject.take(1, now)
        if isinstance(permit, Permit):
            running.append((permit, now + lasts, ending))
        assert subject.in_flight == len(running) <= concurrency


@given(steps)
def test_all_windows_hold_together(asked):
    subject = quota(Window(3, 5), Window(10, 20, Counts.COST), min_interval=0.5)
    now, requests, costs = 0.0, [], []
    for gap, cost, lasts, _ in asked:
        now += gap
        permit = subject.take(cost, now)
        if isinstance(permit, Permit):
            requests.append((now + lasts / 2, 1))
            costs.append((now + lasts / 2, cost))
            now += lasts
            permit.end(Ending.NEUTRAL, now)

    assert most_within(requests, 5) <= 3
    assert most_within(costs, 20) <= 10
    assert most_within(requests, 0.5) <= 1


async def test_what_the_upstreams_header_says_is_believed_where_it_is_more():
    remote = Remote(script=lambda call: body({"prices": {"BTC": 1.0}}, x_used="97"))
    declared = provider(limits={"windows": (Window(100, 60, Counts.COST),)}, used=(UsedHeader("X-Used", 60),))
    async with world({"one": (declared, remote)}) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))

        (row,) = simulated.mux.ledger()
        assert (row.used, row.used_upstream, row.left) == (97, 97, 3)


@pytest.mark.parametrize("text", ["", "-5", "many", "9" * 13, "1.5", "1e3", "²", "٣"])
async def test_a_header_that_is_no_count_is_ignored(text):
    remote = Remote(script=lambda call: body({"prices": {"BTC": 1.0}}, x_used=text))
    declared = provider(limits={"windows": (Window(100, 60, Counts.COST),)}, used=(UsedHeader("X-Used", 60),))
    async with world({"one": (declared, remote)}) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))

        assert simulated.mux.ledger()[0].used == 1


def spent(subject, times, cost=1, now=0.0):
    for _ in range(times):
        taken(subject, cost, now).end(Ending.OK, now)


def believed(subject):
    return [window.believed for window in subject.windows]


def test_a_refusal_lowers_the_shortest_window_in_which_others_went():
    subject = quota(Window(60, 60), Window(500, 3600))
    spent(subject, 11)

    said = subject.refused(1, 0.0, 0.0)

    assert believed(subject) == [8, 500]
    assert said == "8 requests in 60 s used, of 60 declared: it refused at fewer than that"
    assert subject.room(1, 0.0) == Full(said, 60.0, momentary=False)
    assert subject.slack <= 0


def test_who_says_for_how_long_is_taken_to_mean_a_window_that_lasts_so_long():
    subject = quota(Window(10, 1), Window(60, 60))
    spent(subject, 6)

    subject.refused(1, 30.0, 0.0)

    assert believed(subject) == [10, 4]


def test_a_window_that_could_not_be_smaller_leaves_it_to_the_next():
    subject = quota(Window(10, 1), Window(60, 60))
    spent(subject, 6, now=0.0)
    spent(subject, 1, now=5.0)

    subject.refused(1, 0.0, 5.0)

    assert believed(subject) == [10, 4]


def test_a_refusal_that_our_own_count_explains_lowers_nothing():
    subject = quota(Window(60, 60))
    spent(subject, 3)
    subject.correct(60, Counts.REQUESTS, 60, 0.0)

    assert subject.refused(1, 0.0, 0.0) == ""
    assert believed(subject) == [60]


def test_of_cost_units_a_tenth_and_the_request_that_was_refused_are_always_believed():
    subject = quota(Window(1000, 60, Counts.COST))
    spent(subject, 2, cost=40)

    subject.refused(40, 0.0, 0.0)

    assert believed(subject) == [100]


def test_when_it_has_been_quiet_for_long_the_next_who_needs_it_may_go():
    subject = quota(Window(60, 60))
    spent(subject, 3)
    subject.refused(1, 0.0, 0.0)
    assert believed(subject) == [1]
    spent(subject, 1, now=600.0)

    taken(subject, now=600.0)

    assert believed(subject) == [2]


def test_of_a_shared_window_what_others_sent_counts_against_what_is_believed():
    subject = quota(Window(60, 60), shares=[30])
    subject.windows[0].ceiling, subject.windows[0].elsewhere = 40, 5
    spent(subject, 6)

    subject.refused(1, 0.0, 0.0)

    assert believed(subject) == [8]
    assert subject.room(1, 0.0) is not None
    assert subject.windows[0].free(60.0) == 3
    assert subject.windows[0].room(60.0) == 3
