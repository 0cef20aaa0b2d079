"""What happens to a question and to a member, as it happens: explain, metrics, logs and pages read only this."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct

from feedmux.breaker import State


class Reason(enum.Enum):
    """Why a member was not asked."""

    NOT_PINNED = "not pinned"
    NOT_LISTED = "does not list it"
    NOT_SERVED = "does not serve it"
    SAID_UNKNOWN = "said it is unknown"
    INSIDE_TTL = "asked a moment ago"
    CLOSED = "closed"
    EXHAUSTED = "quota used up"
    BUSY = "busy"
    SPARED = "spared: others answer"
    NEEDS_KEY = "needs a key"
    DISABLED = "disabled"
    TRIES_SPENT = "no try left"
    SAME_ORIGIN = "has its data from the same origin"
    ENOUGH = "enough others are asked"


class Result(enum.Enum):
    """How an attempt ended."""

    ANSWERED = "answered"
    PARTIAL = "answered in part"
    UNKNOWN = "unknown symbol"
    REFUSED = "refused"
    UNAUTHORIZED = "key refused"
    DOWN = "down"
    TIMEOUT = "timed out"
    GARBAGE = "garbage"
    REJECTED = "rejected our request"
    ABANDONED = "abandoned"
    UNSENT = "not sent"


class Event(Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base: `at` is monotonic seconds on the engine's clock."""

    at: float


class Cached(Event, frozen=True, tag="cached"):
    """The cache was asked: `hit` fresh, `stale` too old to serve before asking, `miss` nothing."""

    what: str
    state: str
    age: float | None = None
    provider: str = ""


class Joined(Event, frozen=True, tag="joined"):
    """Somebody had asked already: this question waits for that flight."""

    what: str


class Skipped(Event, frozen=True, tag="skipped"):
    """A member was not asked; `wait` is the seconds until that ends, None where time does not end it."""

    member: str
    reason: Reason
    detail: str = ""
    wait: float | None = None


class Considered(Event, frozen=True, tag="considered"):
    """The order in which the rest would be asked.

    `slow`: who of them stands last because it was slow, and the seconds until a probe may show otherwise.
    """

    members: tuple[str, ...]
    slow: Mapping[str, float] = {}


class Tried(Event, frozen=True, tag="tried"):
    """A member was asked for `asked` elements and gave `got` items in `seconds`."""

    member: str
    provider: str
    capability: str
    result: Result
    seconds: float
    asked: int
    got: int
    detail: str = ""
    requests: int = 1


class Hedged(Event, frozen=True, tag="hedged"):
    """A member had not answered within `after` seconds, which is long for it: another was asked beside it."""

    member: str
    beside: str
    after: float


class Held(Event, frozen=True, tag="held"):
    """The guard did not let an item through: it needs a second word, or it is no answer."""

    member: str
    what: str
    detail: str


class Compared(Event, frozen=True, tag="compared"):
    """What several said about one thing was put side by side; `price` is None where there is no consensus.

    `said` maps each member that was heard to its price, `apart` names those who do not agree, `left_out` says of each
    member without a voice why; `spread` is (largest - smallest) / mean.
    """

    what: str
    price: float | None
    spread: float
    said: Mapping[str, float]
    apart: tuple[str, ...] = ()
    left_out: Mapping[str, str] = {}


class Waited(Event, frozen=True, tag="waited"):
    """All that was left was throttled and reopened inside the deadline."""

    member: str
    seconds: float


class ServedStale(Event, frozen=True, tag="served_stale"):
    """Nothing fresher was to be had: what the cache held was served, marked stale."""

    what: str
    age: float
    provider: str


class Answered(Event, frozen=True, tag="answered"):
    """A question ended. `source`: cache, flight, or the error's name where it failed."""

    capability: str
    source: str
    seconds: float
    items: int
    stale: bool = False


class Changed(Event, frozen=True, tag="changed"):
    """A member's state changed."""

    member: str
    state: State
    cause: str = ""
    wait: float | None = None


class Misbehaved(Event, frozen=True, tag="misbehaved"):
    """A plugin did what it must not: blocked the loop, swallowed its cancellation."""

    member: str
    detail: str


class StreamOpened(Event, frozen=True, tag="stream_opened"):
    """A member began to push `what`: from now on it is not polled."""

    member: str
    what: str


class StreamLost(Event, frozen=True, tag="stream_lost"):
    """A stream of `what` broke, ended or fell silent: whoever watches it polls until it is well again."""

    member: str
    what: str
    reason: str


class StreamResumed(Event, frozen=True, tag="stream_resumed"):
    """A stream of `what` is well again, after `seconds` in which it was not heard."""

    member: str
    what: str
    seconds: float


class Trace(Struct, frozen=True):
    """The events of one question, in order."""

    EMPTY: ClassVar[Trace]
    events: tuple[Event, ...] = ()


Trace.EMPTY = Trace()
