"""A member is closed for what it said or did, for as long as that says, and no longer."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux.breaker import (
    FAULTS_IN_A_ROW,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Breaker,
    BreakerState,
    State,
    failed,
    refused,
    succeeded,
    unauthorized,
    well_again,
)
from feedmux.clock import Chance
from feedmux.limits import Backoff

STEPS = Backoff(steps=(120, 240, 600), blacklist_after=3)
NEW = BreakerState()


def refused_at(*moments, asked=None, backoff=STEPS):
    state = NEW
    for now in moments:
        state = refused(state, backoff, asked, "answered 429", now)
    return state


def failed_times(times, *, seed=0, now=0.0):
    state, chance = NEW, Chance(seed).generator("breaker")
    for _ in range(times):
        state = failed(state, "answered 500", now, now, chance)
    return state


def test_a_new_member_is_unknown_and_may_be_asked():
    assert NEW.state is State.UNKNOWN
    assert Breaker().obstacle(0.0) == ""


def test_a_refusal_closes_for_the_first_step():
    state = refused_at(10.0)

    assert (state.state, state.until, state.demanded) == (State.THROTTLED, 130.0, True)
    assert Breaker(state).obstacle(129.9) == "answered 429"
    assert Breaker(state).obstacle(130.0) == ""


@pytest.mark.parametrize(("asked", "closed"), [(None, 120), (5, 120), (120, 120), (3600, 3600)])
def test_a_refusal_closes_for_its_retry_after_or_its_step_whichever_is_longer(asked, closed):
    assert refused_at(10.0, asked=asked).until == 10.0 + closed


def test_refusals_in_a_row_climb_the_steps_and_stay_on_the_last():
    lengths, state, now = [], NEW, 0.0
    for _ in range(5):
        state = refused(state, STEPS, None, "answered 429", now)
        lengths.append(state.until - now)
        now = state.until

    assert lengths == [120, 240, 600, 600, 600]


def test_it_is_blacklisted_from_the_declared_refusal_on_and_says_so():
    assert refused_at(0.0, 120.0).state is State.THROTTLED
    blacklisted = refused_at(0.0, 120.0, 360.0)

    assert blacklisted.state is State.BLOCKED
    assert "3 times in a row" in blacklisted.cause


def test_without_a_declared_blacklist_it_is_never_blacklisted():
    assert refused_at(*range(0, 6000, 600), backoff=Backoff(steps=(10,))).state is State.THROTTLED


def test_past_its_last_step_a_blacklisted_member_may_be_probed():
    assert Breaker(refused_at(0.0, 120.0, 360.0)).obstacle(960.0) == ""


def test_a_late_refusal_of_a_request_sent_before_climbs_no_step():
    state = refused_at(0.0, 1.0, 2.0)

    assert state.refusals == 1
    assert state.until == 120.0
    assert state.since == 0.0


def test_a_late_refusal_that_asks_for_longer_is_obeyed():
    state = refused(refused_at(0.0), STEPS, 500.0, "answered 429", 1.0)

    assert (state.until, state.refusals) == (501.0, 1)


def test_an_answer_opens_it_and_starts_all_counts_again():
    state = succeeded(refused_at(0.0, 120.0), 400.0, 400.0)

    assert state == BreakerState(State.OPEN, since=400.0)
    assert refused(state, STEPS, None, "answered 429", 500.0).until == 620.0


def test_four_faults_in_a_row_close_nothing():
    assert not failed_times(FAULTS_IN_A_ROW - 1).closed


@given(st.integers(0, 2**32), st.integers(FAULTS_IN_A_ROW, 40))
def test_from_the_fifth_fault_in_a_row_it_pauses_with_full_jitter_up_to_five_minutes(seed, times):
    state = failed_times(times, seed=seed, now=50.0)
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (times - FAULTS_IN_A_ROW))

    assert state.state is State.BLOCKED
    assert not state.demanded
    assert 50.0 <= state.until <= 50.0 + longest


def test_the_jitter_is_full():
    pauses = [failed_times(20, seed=seed).until for seed in range(200)]

    assert min(pauses) < 0.05 * LONGEST_PAUSE
    assert max(pauses) > 0.95 * LONGEST_PAUSE


def test_an_outage_of_days_is_only_one_more_fault():
    state = msgspec.structs.replace(failed_times(20), faults=10_000_000, until=0.0)

    assert failed(state, "down", 1.0, 1.0, Chance(1).generator("breaker")).until <= 1.0 + LONGEST_PAUSE


def test_an_answer_between_faults_starts_their_count_again():
    state = succeeded(failed_times(FAULTS_IN_A_ROW - 1), 1.0, 1.0)

    assert not failed(state, "answered 500", 2.0, 2.0, Chance(0).generator("x")).closed


def test_a_fault_never_shortens_what_the_provider_demanded():
    state = refused_at(0.0)
    for now in range(10):
        state = failed(state, "answered 500", float(now), float(now), Chance(0).generator("x"))

    assert (state.until, state.demanded, state.state) == (120.0, True, State.THROTTLED)


def test_a_refused_key_closes_until_the_configuration_changes():
    state = unauthorized(NEW, "answered 401", 5.0)

    assert (state.state, state.until, state.demanded) == (State.NEEDS_KEY, math.inf, True)


def test_a_passed_health_check_lets_the_next_question_be_the_probe():
    state = well_again(failed_times(9), 100.0, 100.0)

    assert state.state is State.RECOVERING
    assert state.closed
    assert Breaker(state).obstacle(100.0) == ""


def test_one_probe_goes_at_a_time():
    breaker = Breaker(refused_at(0.0))
    breaker.probing = True

    assert breaker.obstacle(121.0) == "a probe is under way"


def test_a_failed_probe_of_a_refusing_member_keeps_its_step():
    state = refused(refused_at(0.0), STEPS, None, "answered 429", 120.0)

    assert state.until == 360.0


def test_shifting_clocks_keeps_what_is_left():
    state = refused_at(10.0)

    assert state.shifted(1000.0).until - 1010.0 == state.until - 10.0


answers = st.lists(
    st.tuples(st.floats(0, 300), st.sampled_from(["ok", "refused", "failed", "well"]), st.floats(0, 1000)),
    max_size=40,
)


@given(answers)
def test_whatever_comes_a_demand_stands_until_its_end_or_an_answer(story):
    state, now, demanded_until = NEW, 0.0, 0.0
    for gap, what, asked in story:
        now += gap
        if what == "ok":
            state, demanded_until = succeeded(state, now, now), 0.0
        elif what == "refused":
            state = refused(state, STEPS, asked, "answered 429", now)
            demanded_until = max(demanded_until, now + asked)
        elif what == "failed":
            state = failed(state, "answered 500", now, now, Chance(1).generator("x"))
        elif not state.demanded:
            state = well_again(state, now, now)
        if demanded_until > now:
            assert state.demanded
            assert state.until >= demanded_until
            assert Breaker(state).obstacle(now)


def test_an_answer_to_what_was_sent_before_a_refusal_does_not_open_it():
    state = refused_at(10.0, 600.0)

    assert succeeded(state, began=9.0, now=11.0) == state
    assert succeeded(state, began=620.0, now=621.0).state is State.OPEN


def test_a_health_check_begun_before_a_refusal_does_not_open_it():
    state = refused_at(10.0, 600.0)

    assert well_again(state, began=9.0, now=11.0) == state


def test_faults_of_what_was_sent_before_it_was_closed_climb_no_step():
    state = failed_times(FAULTS_IN_A_ROW)
    for _ in range(11):
        state = failed(state, "answered 500", state.shut_at - 0.1, state.shut_at, Chance(1).generator("x"))

    assert state.faults == FAULTS_IN_A_ROW


def test_a_restored_refusal_whose_time_is_over_is_still_closed_to_all_but_a_probe():
    state = refused_at(0.0, 120.0).shifted(-5000.0)

    assert state.until < 0.0
    assert state.closed
