"""The failure dictionary: which status, header or text of an upstream means which error."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Struct

from feedmux.errors import (
    BadPayload,
    FeedmuxError,
    InvalidQuery,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
    UpstreamDown,
)
from feedmux.request import Reply
from feedmux.reset import ResetHeader, reset_after, sent_at

LONGEST_WAIT = 7 * 86_400.0
_PLACE = r"\b(countr(y|ies)|regions?|jurisdictions?|territor(y|ies)|geo[a-z-]*|your (location|place))\b"
_BARRED = r"\b(block(ed|s)?|bann?(ed|s)?|restrict(ed|s|ions?)?|prohibit(ed|s)?|not (available|allowed|supported|permitted)|unavailable)\b"
_NOT_HERE = re.compile(f"{_PLACE}.{{0,80}}{_BARRED}|{_BARRED}.{{0,80}}{_PLACE}", re.IGNORECASE | re.DOTALL)
"""A 403 for where we are, as content networks and exchanges word it: "configured to block access from your country"."""


class Failure(Struct, frozen=True):
    """One line of the dictionary: all that is given must match, then `error` is what it means.

    `status` is an HTTP status, None for any of 400 and above; a failure hidden behind 200 must say status=200.
    `path` walks the JSON body with dots (`status.error_code`). There, or in the whole body where no path is
    given, `equals` must be the value or `contains` be found in its text (a regular expression, case ignored).
    `reset` is a regular expression over that text whose group 1 is the reset's Unix time in milliseconds, `wait`
    the seconds to wait where the upstream never says how long. `resets` is the reply header that says so where it
    is none that others use as well.
    """

    error: type[FeedmuxError]
    status: int | None = None
    path: str = ""
    equals: str | int | None = None
    contains: str = ""
    reset: str = ""
    wait: float | None = None
    resets: ResetHeader | None = None


def failure_of(reply: Reply, dictionary: tuple[Failure, ...], now: datetime) -> FeedmuxError | None:
    """The error that a reply means, or None where it is an answer."""
    if reply.status == 200 and not any(line.status == 200 for line in dictionary):
        return None
    document: Any = _decoded(reply.body)
    for line in dictionary:
        found = _match(line, reply, document)
        if found is not None:
            return _declared(line, found, reply, now)
    return _by_status(reply, now)


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError
        return body[:4096].decode("utf-8", "replace")


def _match(line: Failure, reply: Reply, document: Any) -> str | None:
    if reply.status != line.status and not (line.status is None and reply.status >= 400):
        return None
    value = document
    for step in filter(None, line.path.split(".")):
        value = value.get(step) if isinstance(value, dict) else None
    if line.path and value is None:
        return None
    if line.equals is not None and value != line.equals:
        return None
    text = str(value) if line.path else reply.body[:4096].decode("utf-8", "replace")
    if line.contains and not re.search(line.contains, text, re.IGNORECASE):
        return None
    return reply.body[:4096].decode("utf-8", "replace")


def _declared(line: Failure, text: str, reply: Reply, now: datetime) -> FeedmuxError:
    wait = retry_after(reply.headers, now) or line.wait
    if wait is None and issubclass(line.error, RateLimited):
        wait = _reset(reply, now, line.resets)
    if line.reset and (found := re.search(line.reset, text)):
        until = int(found.group(1)) / 1000 - now.timestamp()
        wait = min(max(until, 0.0), LONGEST_WAIT)
    detail = f"answered {reply.status}: {excerpt(reply.body)}"
    if issubclass(line.error, InvalidQuery):
        return line.error(detail)
    return line.error(detail, retry_after=wait)


def _by_status(reply: Reply, now: datetime) -> FeedmuxError | None:
    status, detail = reply.status, f"answered {reply.status}: {excerpt(reply.body)}"
    if status == 200:
        return None
    if status in (429, 418):
        return RateLimited(detail, retry_after=retry_after(reply.headers, now) or _reset(reply, now))
    if status == 503 and (wait := retry_after(reply.headers, now)):
        return RateLimited(detail, retry_after=wait)
    if status == 451 or (status == 403 and _NOT_HERE.search(reply.body[:4096].decode("utf-8", "replace"))):
        return Unavailable(detail)
    if status in (401, 403):
        return Unauthorized(detail)
    if status == 404:
        return NotFound(detail)
    if 400 <= status < 500:
        return InvalidQuery(detail)
    if 300 <= status < 400:
        return UpstreamDown(f"answered {status}: redirects are refused")
    if status >= 500:
        return UpstreamDown(detail)
    return BadPayload(f"answered {status} where 200 was due")


def _reset(reply: Reply, now: datetime, declared: ResetHeader | None = None) -> float | None:
    wait = reset_after(reply.headers, now, declared)
    return wait if wait is None else min(wait, LONGEST_WAIT)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that Retry-After asks for (a number, or a date read against the reply's own Date), at most 7 days.

    None where it is absent, past, or no number.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until_date(text, headers, now)
    return min(seconds, LONGEST_WAIT) if math.isfinite(seconds) and seconds > 0 else None


def _until_date(text: str, headers: Mapping[str, str], now: datetime) -> float:
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return math.nan
    try:
        return (until - sent_at(headers, now)).total_seconds()
    except TypeError:  # it names no zone
        return math.nan


def excerpt(body: bytes, length: int = 80) -> str:
    """The first characters of a body, fit for a log line: no control characters, one line."""
    text = body[: length * 4].decode("utf-8", "replace")
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() or c.isspace() else "?" for c in text))[:length]
