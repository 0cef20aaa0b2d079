"""When a refused quota is whole again, as reply headers other than Retry-After say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

from feedmux.limits import MONTH

NAMES = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
"""Where a reset is told by custom, and by the drafts of the IETF's RateLimit header before the eighth."""
_POLICIES = "ratelimit"
"""https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers: `"minute";r=0;t=30`, before the sixth
draft `limit=60, remaining=0, reset=30`.
"""
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_LEFT = re.compile(r"\b(?:r|remaining)=([0-9]{1,15})\b")
_WAIT = re.compile(r"\b(?:t|reset)=([0-9]{1,15})\b")


class ResetHeader(Struct, frozen=True):
    """A reply header that says when a refused quota is whole again: in how many units from now, or at which Unix time.

    `unit` is in seconds: 0.001 where the upstream counts in milliseconds.
    """

    name: str
    unit: float = 1.0


def sent_at(headers: Mapping[str, str], now: datetime) -> datetime:
    """When the upstream says that it sent its reply, else `now`."""
    try:
        said = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return now
    return now if said.tzinfo is None else said


def reset_after(
    headers: Mapping[str, str], now: datetime, declared: ResetHeader | None = None
) -> float | None:
    """Seconds until the reset, at most a month; None where no header tells one that can be.

    What is declared is read first, then the IETF's header, then those in use by custom. A number is the seconds
    from now, or a Unix time in seconds or milliseconds, whichever is at most a month ahead on the upstream's own
    clock. A quota that is said to have something left has not refused.
    """
    since = sent_at(headers, now).timestamp()
    if declared is not None:
        wait = _ahead(headers.get(declared.name.lower(), ""), declared.unit, since)
        if wait is not None:
            return wait
    if (waits := _told(headers.get(_POLICIES, ""))) is not None:
        return waits
    for name in NAMES:
        if name in headers and not _some_left(headers.get(name.replace("reset", "remaining"), "")):
            wait = _ahead(headers[name], 1.0, since)
            if wait is not None:
                return wait
    return None


def _ahead(text: str, unit: float, since: float) -> float | None:
    """Seconds from then that the text says, as a delta, a Unix time or one in milliseconds."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text) * unit
    return next((wait for wait in (number, number - since, number / 1000 - since) if 0 < wait <= MONTH), None)


def _told(text: str) -> float | None:
    """The longest wait of the policies that have nothing left; None where none says so."""
    policies = text.split(",") if "=" in text.partition(";")[2] else [text]
    waits = [
        float(wait[1])
        for policy in policies
        if (wait := _WAIT.search(policy)) and not ((left := _LEFT.search(policy)) and int(left[1]))
    ]
    return max((wait for wait in waits if 0 < wait <= MONTH), default=None)


def _some_left(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text.strip())) and float(text) > 0
