"""A reset told by another header than Retry-After is believed where it can be one, and is nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import RateLimited, Reply, ResetHeader
from feedmux.failure import LONGEST_WAIT, Failure, failure_of
from feedmux.limits import MONTH
from feedmux.reset import reset_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


def refused(status=429, *dictionary, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure_of(Reply(status, named, b"slow down"), dictionary, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        (f"{EPOCH + 45}", 45.0),
        (f"{EPOCH * 1000 + 45_500}", 45.5),
        ("0", None),
        ("-5", None),
        (f"{EPOCH - 45}", None),
        (f"{EPOCH * 1000 - 1}", None),
        (f"{EPOCH + 90 * 86_400}", None),
        ("4000000", None),
        ("1, 40, 3000", None),
        ("1e3", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("9" * 40, None),
    ],
)
@pytest.mark.parametrize("name", ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"])
def test_a_reset_is_a_delta_or_a_unix_time_and_what_cannot_be_is_nothing(name, text, seconds):
    assert reset_after({name: text}, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('"minute";r=0;t=30', 30.0),
        ('"minute";r=3;t=30, "day";r=0;t=7200', 7200.0),
        ('"minute";r=0;t=30, "day";r=0;t=7200', 7200.0),
        ("limit=60, remaining=0, reset=30", 30.0),
        ("limit=60, remaining=4, reset=30", None),
        ('"minute";r=9;t=30', None),
        ('"minute";r=0', None),
        ("t=x", None),
        ("garbage", None),
    ],
)
def test_the_ietf_s_header_is_read_in_its_old_and_its_new_form(text, seconds):
    assert reset_after({"ratelimit": text}, NOW) == seconds


def test_a_quota_with_something_left_has_not_refused():
    assert reset_after({"x-ratelimit-reset": "3000", "x-ratelimit-remaining": "12"}, NOW) is None
    assert reset_after({"x-ratelimit-reset": "3000", "x-ratelimit-remaining": "0"}, NOW) == 3000.0


@given(st.integers(1, 86_400), st.integers(-10_000_000, 10_000_000))
def test_a_unix_time_is_read_against_the_replys_own_date_so_that_a_wrong_clock_cancels(seconds, skew):
    theirs = NOW + timedelta(seconds=skew)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "x-ratelimit-reset": str(int(theirs.timestamp()) + seconds),
    }

    assert reset_after(headers, NOW) == seconds


@given(st.sampled_from(["ratelimit", "x-ratelimit-reset"]), st.text(max_size=40) | st.integers().map(str))
def test_whatever_a_header_says_the_wait_is_positive_and_at_most_a_month(name, text):
    wait = reset_after({name: text}, NOW)

    assert wait is None or 0 < wait <= MONTH


def test_a_refusal_waits_for_its_reset_and_a_week_at_most():
    assert refused(x_ratelimit_reset="75").retry_after == 75.0
    assert refused(x_ratelimit_reset=str(20 * 86_400)).retry_after == LONGEST_WAIT
    assert refused(x_ratelimit_reset="x").retry_after is None


def test_retry_after_comes_first():
    assert refused(retry_after="20", x_ratelimit_reset="75").retry_after == 20.0


def test_a_reset_alone_makes_no_refusal_of_another_error():
    assert not isinstance(refused(503, x_ratelimit_reset="75"), RateLimited)


def test_a_declared_header_is_read_in_its_own_unit():
    line = Failure(RateLimited, status=429, resets=ResetHeader("GW-Reset", unit=0.001))

    assert refused(429, line, gw_reset="7500").retry_after == 7.5
    assert refused(429, line, x_ratelimit_reset="75").retry_after == 75.0
    assert refused(429, line).retry_after is None


def test_what_the_dictionary_says_of_one_error_comes_before_a_header_of_all_replies():
    banned = Failure(RateLimited, status=429, wait=600)

    assert refused(429, banned, x_ratelimit_reset="30").retry_after == 600
