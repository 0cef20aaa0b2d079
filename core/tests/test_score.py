"""What counts for and against an endpoint, and how long it is put last for being slow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux.score import LEAST_SHARE, SAMPLES, Score, factor

SLOW_AFTER = 0.5


def answered(score, *seconds, now=0.0):
    for took in seconds:
        score.succeeded(took, SLOW_AFTER, now)
    return score


def failed(score, times):
    for _ in range(times):
        score.failed()
    return score


def test_before_five_calls_nothing_is_held_against_it():
    assert failed(Score(), SAMPLES - 1).success_share == 1.0
    assert failed(Score(), SAMPLES).success_share == LEAST_SHARE


def test_the_success_share_is_that_of_the_last_fifty_calls():
    score = answered(failed(Score(), 50), *[0.1] * 25)

    assert score.success_share == 0.5


def test_two_slow_answers_change_nothing():
    score = answered(Score(), 0.6, 0.6)

    assert not score.put_last(0.0)


def test_three_slow_answers_in_a_row_put_it_last_for_30_s():
    score = answered(Score(), 0.6, 0.6, 0.6, now=10.0)

    assert score.put_last(10.0)
    assert score.put_last(39.9)
    assert not score.put_last(40.0)


def test_a_quick_answer_between_them_starts_the_count_again():
    score = answered(Score(), 0.6, 0.6, 0.1, 0.6, 0.6)

    assert not score.put_last(0.0)


def test_exactly_slow_after_is_not_slow():
    assert not answered(Score(), *[SLOW_AFTER] * 5).put_last(0.0)


def test_each_slow_probe_doubles_the_pause_up_to_ten_minutes():
    score = answered(Score(), 0.6, 0.6, 0.6)
    pauses = []
    for _ in range(7):
        now = score.slow_until
        answered(score, 0.6, now=now)
        pauses.append(score.slow_until - now)

    assert pauses == [60, 120, 240, 480, 600, 600, 600]


def test_slow_answers_to_requests_sent_before_do_not_lengthen_the_pause():
    score = answered(Score(), *[0.6] * 10, now=5.0)

    assert score.slow_until == 35.0


def test_one_quick_answer_restores_it_and_the_first_pause():
    score = answered(Score(), 0.6, 0.6, 0.6)
    answered(score, 0.6, now=30.0)
    answered(score, 0.1, now=90.0)
    assert not score.put_last(90.0)

    answered(score, 0.6, 0.6, 0.6, now=100.0)
    assert score.slow_until == 130.0


def test_while_its_probe_is_under_way_it_stays_last():
    score = answered(Score(), 0.6, 0.6, 0.6)
    score.probing = True

    assert score.put_last(31.0)


def test_failures_are_no_slow_answers():
    assert not failed(answered(Score(), 0.6, 0.6), 5).put_last(0.0)


def test_latency_rises_at_once_and_falls_slowly():
    score = answered(Score(), 0.1)
    answered(score, 0.4, now=1.0)
    assert score.latency == 0.4

    answered(score, 0.1, now=2.0)
    assert 0.3 < score.latency < 0.4
    answered(score, 0.1, now=100.0)
    assert score.latency == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("latency", "best", "speed"),
    [(0.1, 0.1, 1.0), (0.2, 0.1, 1.0), (0.4, 0.1, 0.5), (10.0, 0.1, 0.25), (0.0, 0.1, 1.0), (0.1, 0.0, 1.0)],
)
def test_who_is_less_than_twice_as_slow_as_the_best_loses_nothing_and_nobody_more_than_three_quarters(
    latency, best, speed
):
    assert factor(1.0, latency, best, 1.0) == pytest.approx(speed)


@pytest.mark.parametrize(("left", "share"), [(1.0, 1.0), (0.25, 1.0), (0.125, 0.5), (0.0, 0.0)])
def test_the_last_quarter_of_a_quota_lowers_the_weight(left, share):
    assert factor(1.0, 0.0, 0.0, left) == share


@given(st.floats(0, 1), st.floats(0, 100), st.floats(0, 100), st.floats(0, 1))
def test_a_factor_lies_between_nothing_and_the_whole(success, latency, best, left):
    assert 0.0 <= factor(success, latency, best, left) <= 1.0
