"""What a reply means: statuses, Retry-After in all its forms, and each provider's own dictionary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import (
    BadPayload,
    InvalidQuery,
    RateLimited,
    Reply,
    Unauthorized,
    Unavailable,
    UnknownSymbol,
    UpstreamDown,
)
from feedmux.errors import NotFound
from feedmux.failure import LONGEST_WAIT, Failure, excerpt, failure_of, retry_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEK = 7 * 86_400.0


def meaning(status=200, body=b"{}", *dictionary, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure_of(Reply(status, named, body), dictionary, NOW)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (204, BadPayload),
        (301, UpstreamDown),
        (302, UpstreamDown),
        (400, InvalidQuery),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (418, RateLimited),
        (422, InvalidQuery),
        (429, RateLimited),
        (451, Unavailable),
        (500, UpstreamDown),
        (502, UpstreamDown),
        (503, UpstreamDown),
        (520, UpstreamDown),
        (526, UpstreamDown),
    ],
)
def test_a_status_means_the_error_of_whoever_must_act(status, error):
    found = meaning(status)

    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize(
    "body",
    [
        b"<html>The Amazon CloudFront distribution is configured to block access from your country.</html>",
        b'{"msg": "Service unavailable from a restricted location; your region is not allowed"}',
        b"The owner of this website has banned the country or region your IP address is in",
        b'{"error": "not available in your jurisdiction"}',
    ],
)
def test_a_403_for_where_we_are_is_no_word_about_our_key(body):
    assert isinstance(meaning(403, body), Unavailable)


@pytest.mark.parametrize("body", [b"{}", b"invalid api key", b"your plan does not allow this", b"country"])
def test_any_other_403_is(body):
    assert isinstance(meaning(403, body), Unauthorized)


def test_a_503_that_says_when_to_come_back_is_a_refusal():
    found = meaning(503, retry_after="30")

    assert isinstance(found, RateLimited)
    assert found.retry_after == 30.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0.5", 0.5),
        (" 7 ", 7.0),
        ("", None),
        ("0", None),
        ("-5", None),
        ("1, 2", None),
        ("abc", None),
        ("nan", None),
        ("NaN", None),
        ("inf", None),
        ("-inf", None),
        ("1e9", WEEK),
        ("99999999999999999999", WEEK),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", None),
        ("Thu, 01 Jan 2099 00:00:00 GMT", WEEK),
        ("Sun, 99 Mar 2026 12:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_nothing(text, seconds):
    assert retry_after({"retry-after": text}, NOW) == seconds


def test_no_header_asks_for_nothing():
    assert retry_after({}, NOW) is None


@given(st.integers(1, 600_000), st.integers(-10_000_000, 10_000_000))
def test_a_date_is_read_against_the_replys_own_date_so_that_a_wrong_clock_cancels(seconds, skew):
    theirs = NOW + timedelta(seconds=skew)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "retry-after": format_datetime(theirs + timedelta(seconds=seconds), usegmt=True),
    }

    assert retry_after(headers, NOW) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_the_headers_say_the_wait_is_positive_and_at_most_a_week(text, date):
    wait = retry_after({"retry-after": text, "date": date}, NOW)

    assert wait is None or 0 < wait <= LONGEST_WAIT


LIMITED = Failure(RateLimited, status=200, path="error.code", equals=1006)


def test_a_refusal_hidden_behind_200_is_found_by_its_path():
    found = meaning(200, b'{"error": {"code": 1006, "text": "slow down"}}', LIMITED, retry_after="9")

    assert isinstance(found, RateLimited)
    assert found.retry_after == 9.0


@pytest.mark.parametrize(
    "body",
    [b'{"error": {"code": 1007}}', b'{"error": "1006"}', b'{"data": 1}', b"[1006]", b"null", b"<html>"],
)
def test_a_200_that_does_not_match_is_an_answer(body):
    assert meaning(200, body, LIMITED) is None


def test_a_line_without_a_status_speaks_of_errors_only():
    line = Failure(RateLimited, contains="rate limit")

    assert meaning(200, b'"rate limit"', line) is None
    assert isinstance(meaning(403, b'"Rate Limit reached"', line), RateLimited)


def test_a_line_for_one_status_speaks_of_no_other():
    line = Failure(RateLimited, status=402)

    assert isinstance(meaning(402, b"", line), RateLimited)
    assert isinstance(meaning(403, b"", line), Unauthorized)


def test_text_is_looked_for_where_the_path_leads():
    line = Failure(UnknownSymbol, status=200, path="result", contains="no such")

    assert isinstance(meaning(200, b'{"result": "No such coin"}', line), UnknownSymbol)
    assert meaning(200, b'{"result": "ok", "note": "no such"}', line) is None


def test_the_first_line_that_matches_decides():
    found = meaning(
        400, b'{"code": 1}', Failure(UnknownSymbol, path="code", equals=1), Failure(RateLimited, status=400)
    )

    assert isinstance(found, UnknownSymbol)


def test_a_ban_that_names_its_end_closes_until_then():
    until = int((NOW.timestamp() + 90) * 1000)
    line = Failure(RateLimited, status=418, contains="banned", reset=r"until (\d+)")

    found = meaning(418, f'{{"msg": "IP banned until {until}"}}'.encode(), line, retry_after="5")

    assert found is not None
    assert found.retry_after == 90.0


@pytest.mark.parametrize(("until", "wait"), [(0, None), (10**18, WEEK)])
def test_an_end_that_cannot_be_is_bounded(until, wait):
    line = Failure(RateLimited, status=418, reset=r"until (\d+)")

    found = meaning(418, f"banned until {until}".encode(), line)

    assert found is not None
    assert (found.retry_after or None) == wait


def test_an_invalid_query_stays_one_though_it_takes_no_retry_after():
    assert isinstance(
        meaning(200, b'{"code": 5}', Failure(InvalidQuery, status=200, path="code", equals=5)), InvalidQuery
    )


@given(st.binary(max_size=300), st.integers(200, 599))
def test_no_body_breaks_the_dictionary(body, status):
    lines = (
        LIMITED,
        Failure(RateLimited, contains="x+", reset=r"(\d+)"),
        Failure(UnknownSymbol, path="a.b.c"),
    )

    found = meaning(status, body, *lines)

    assert found is None or found.detail


def test_a_body_nested_without_end_is_no_match():
    assert meaning(200, b"[" * 100_000, LIMITED) is None


@given(st.binary(max_size=1000))
def test_an_excerpt_is_one_printable_line_of_at_most_80_characters(body):
    text = excerpt(body)

    assert len(text) <= 80
    assert all(character.isprintable() for character in text)


def test_a_refusal_is_one_whatever_bytes_are_in_its_body():
    assert type(meaning(429, b'{"message": "\xe0 slow down"}')) is RateLimited
