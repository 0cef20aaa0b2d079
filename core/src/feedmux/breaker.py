"""The breaker: whether a member may be asked, as its own refusals and failures left it. Pure transitions."""

from __future__ import annotations

import enum
import math

import msgspec
from msgspec import Struct

from feedmux.clock import Random
from feedmux.limits import Backoff

FAULTS_IN_A_ROW = 5
CONTRADICTED_IN_A_ROW = 3
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
NOT_HERE = 6 * 3600.0
"""Seconds for which a provider is left alone that does not serve this place."""
DOUBLINGS = 64
"""More change nothing, and what they come to has no end."""


class State(enum.Enum):
    """What a member is doing, for people; each comes with cause, since and until. Unknown is not green."""

    OPEN = "open"
    THROTTLED = "throttled"
    EXHAUSTED = "exhausted"
    BLOCKED = "blocked"
    NEEDS_KEY = "needs a key"
    RECOVERING = "recovering"
    QUARANTINED = "quarantined"
    UNKNOWN = "unknown"


class BreakerState(Struct, frozen=True):
    """`until` and `since` are monotonic in a process and wall time (Unix seconds) where stored: see `shifted`.

    `shut`: it was closed at `shut_at`, and no answer has opened it since; after `until` one probe may go.
    `demanded`: the provider itself said so, which no panic overrides.
    """

    state: State = State.UNKNOWN
    cause: str = ""
    since: float = 0.0
    until: float = 0.0
    demanded: bool = False
    refusals: int = 0
    faults: int = 0
    shut: bool = False
    shut_at: float = 0.0

    def shifted(self, seconds: float) -> BreakerState:
        """The same on a clock that reads `seconds` more."""
        return msgspec.structs.replace(
            self, since=self.since + seconds, until=self.until + seconds, shut_at=self.shut_at + seconds
        )

    @property
    def closed(self) -> bool:
        """Whether it has been closed and no answer has opened it since: what may go now is a probe."""
        return self.shut

    def outlived(self, began: float, now: float) -> bool:
        """Whether what began then says nothing of it now: it was sent before it was closed, and it still is."""
        return self.shut and self.until > now and began < self.shut_at


def succeeded(state: BreakerState, began: float, now: float) -> BreakerState:
    """An answer came: open, and all counts start again; an answer to what was sent before a refusal changes nothing."""
    if state.demanded and state.outlived(began, now):
        return state
    if state.state is State.OPEN and not (state.faults or state.refusals or state.closed):
        return state
    since = state.since if state.state is State.OPEN else now
    return BreakerState(State.OPEN, since=since)


def refused(
    state: BreakerState, backoff: Backoff, asked: float | None, cause: str, now: float
) -> BreakerState:
    """It refused (429, 418): closed for its step or for what it asked, whichever is longer.

    A refusal that comes while it is already closed belongs to a request sent before: it never climbs a step.
    """
    late = state.demanded and state.until > now
    refusals = state.refusals if late else state.refusals + 1
    step = backoff.steps[min(refusals, len(backoff.steps)) - 1]
    blacklisted = backoff.blacklist_after is not None and refusals >= backoff.blacklist_after
    return BreakerState(
        state=State.BLOCKED if blacklisted else State.THROTTLED,
        cause=f"refused {refusals} times in a row: {cause}" if refusals > 1 else cause,
        since=state.since if late else now,
        until=max(state.until, now + (asked or 0.0)) if late else now + max(asked or 0.0, step),
        demanded=True,
        refusals=refusals,
        faults=state.faults,
        shut=True,
        shut_at=state.shut_at if late else now,
    )


def failed(state: BreakerState, cause: str, began: float, now: float, chance: Random) -> BreakerState:
    """It failed: after five in a row closed, with full jitter, twice as long each time up to five minutes.

    What was sent before it was closed never climbs a step.
    """
    if state.outlived(began, now) or (state.demanded and state.until > now):
        return state
    faults = state.faults + 1
    if faults < FAULTS_IN_A_ROW:
        return msgspec.structs.replace(state, faults=faults, cause=cause)
    return _paused(state, faults, f"failed {faults} times in a row: {cause}", now, chance)


def contradicted(state: BreakerState, times: int, cause: str, now: float, chance: Random) -> BreakerState:
    """Others contradicted so many of its answers in a row: closed from the third on, as by as many faults."""
    if times < CONTRADICTED_IN_A_ROW or (state.demanded and state.until > now):
        return state
    faults = FAULTS_IN_A_ROW + times - CONTRADICTED_IN_A_ROW
    return _paused(state, faults, f"contradicted {times} times in a row: {cause}", now, chance)


def _paused(state: BreakerState, faults: int, cause: str, now: float, chance: Random) -> BreakerState:
    doublings = min(faults - FAULTS_IN_A_ROW, DOUBLINGS)
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**doublings)
    return BreakerState(
        state=State.BLOCKED,
        cause=cause,
        since=state.since if state.state is State.BLOCKED else now,
        until=now + chance.uniform(0.0, longest),
        refusals=state.refusals,
        faults=faults,
        shut=True,
        shut_at=now,
    )


def lost(state: BreakerState, cause: str, now: float, chance: Random) -> BreakerState:
    """It answers 404 to whatever there is: closed as by five faults, and longer each time that it still does."""
    if state.shut and state.until > now:
        return state
    return _paused(state, max(FAULTS_IN_A_ROW, state.faults + 1), cause, now, chance)


def unserved(state: BreakerState, asked: float | None, cause: str, now: float) -> BreakerState:
    """It does not serve this place: closed for hours, or for as long as its dictionary says. That is no fault."""
    return BreakerState(
        State.BLOCKED,
        f"does not serve this place: {cause}",
        since=now,
        until=now + (asked or NOT_HERE),
        demanded=True,
        refusals=state.refusals,
        faults=state.faults,
        shut=True,
        shut_at=now,
    )


def unauthorized(state: BreakerState, cause: str, now: float) -> BreakerState:
    """Our key is missing or refused: closed until the configuration changes."""
    return BreakerState(
        State.NEEDS_KEY, cause, since=now, until=math.inf, demanded=True, shut=True, shut_at=now
    )


def well_again(state: BreakerState, began: float, now: float) -> BreakerState:
    """Its health check passed: the next question is the probe; unless a refusal came meanwhile, or there is nothing
    to recover from.
    """
    if not state.shut or state.demanded or state.outlived(began, now):
        return state
    return msgspec.structs.replace(state, state=State.RECOVERING, until=now)


class Breaker:
    """Holds a member's state and lets one probe through at a time."""

    __slots__ = ("probing", "state")

    def __init__(self, state: BreakerState | None = None) -> None:
        self.state = state or BreakerState()
        self.probing = False

    def obstacle(self, now: float) -> str:
        """Why no request may go now, empty where one may."""
        if not self.state.closed:
            return ""
        if self.state.until > now:
            return self.state.cause
        return "a probe is under way" if self.probing else ""
