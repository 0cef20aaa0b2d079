"""The verdict: why a part has no item, in the error of whoever must act. Pure."""

from __future__ import annotations

import math

from feedmux.errand import Errand
from feedmux.errors import BadPayload, DeadlineExceeded, FeedmuxError, InvalidQuery, NoProvider, UnknownSymbol
from feedmux.event import Reason
from feedmux.route import Route

_SAID_SO = (Reason.NOT_LISTED, Reason.SAID_UNKNOWN)
_NOT_SERVED = Reason.NOT_SERVED
_COULD_KNOW = (Reason.CLOSED, Reason.EXHAUSTED, Reason.BUSY)


def verdict(errand: Errand, route: Route, now: float) -> FeedmuxError:
    """What all who were asked said, else that no provider can answer now. `route`: as it is for that part now."""
    if unknown := _unknown(errand, route):
        return unknown
    for shared in (BadPayload, InvalidQuery):
        if errand.errors and all(isinstance(error, shared) for error in errand.errors):
            return errand.errors[-1]
    if (
        not errand.errors
        and route.skips
        and not route.order
        and all(s.reason is _NOT_SERVED for s in route.skips)
    ):
        return InvalidQuery(f"no provider serves this: {route.skips[0].detail}")
    if now >= errand.deadline and any(errand.may_ask(candidate) for candidate in route.order):
        return DeadlineExceeded("the deadline passed before a provider answered")
    reopening = route.reopening()
    until = reopening.until if reopening is not None else None
    wait = 1.0 if until is None else max(1.0, math.ceil(until - now))
    return NoProvider(_reasons(errand, route), retry_after=wait)


def _unknown(errand: Errand, route: Route) -> UnknownSymbol | None:
    """UnknownSymbol where everybody who was asked, or whose listing was read, says so and nobody else might know."""
    if not all(isinstance(error, UnknownSymbol) for error in errand.errors):
        return None
    said = {skip.candidate.source for skip in route.skips if skip.reason in _SAID_SO}
    said |= errand.heard
    silent = [
        skip for skip in route.skips if skip.reason in _COULD_KNOW and not errand.has_asked(skip.candidate)
    ]
    if not said or silent:
        return None
    return UnknownSymbol(f"{', '.join(errand.part.elements) or 'it'} is unknown to {', '.join(sorted(said))}")


def _reasons(errand: Errand, route: Route) -> str:
    """One sentence: what each member that serves the question said, or why it was not asked."""
    if not route.order and not route.skips:
        return f"no installed provider serves {errand.part.capability}"
    said = [f"{error.provider or 'a provider'}: {error.slug}" for error in errand.errors]
    said += [
        f"{skip.candidate.name}: {skip.reason.value}"
        for skip in route.skips
        if not errand.has_asked(skip.candidate)
    ]
    return "; ".join(dict.fromkeys(said)) or "no provider is left to ask"
