"""A member as it stands: what it declared, its quota, its breaker, its listing, and what it has done so far."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime

from msgspec import Struct

from feedmux.breaker import Breaker, State
from feedmux.errors import FeedmuxError
from feedmux.http import Wire
from feedmux.limits import Limits
from feedmux.listing import Listing
from feedmux.provider import Upstream
from feedmux.quota import Quota
from feedmux.registry import Calls

LEAKS = 3
"""Tasks that will not end, or times the loop was blocked, after which a provider is set aside."""


class Tally(Struct):
    """What a member has done since the start."""

    requests: int = 0
    successes: int = 0
    failures: int = 0
    refusals: int = 0
    seconds: float = 0.0
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_error: str = ""
    last_class: str = ""
    blocked_loop: int = 0
    abandoned: int = 0


class Standing:
    """One member. Mutable, on the event loop only; what decides is read from frozen states inside."""

    __slots__ = (
        "attribution",
        "breaker",
        "calls",
        "disabled",
        "limits",
        "listing",
        "listing_due",
        "listing_failed",
        "member",
        "name",
        "open",
        "origin",
        "provider",
        "quarantined",
        "quota",
        "ring",
        "simulated",
        "source",
        "tally",
        "upstream",
        "wire",
        "writing",
    )

    def __init__(
        self,
        *,
        provider: str,
        member: str,
        limits: Limits,
        upstream: Upstream,
        calls: Calls,
        quota: Quota,
        wire: Wire,
        origin: str,
        simulated: bool,
        disabled: str,
        key: str = "",
    ) -> None:
        self.provider = provider
        self.member = member
        self.source = provider if member in ("", provider) else f"{provider}/{member}"
        """The member by name, whichever of its keys it is asked with: what it says does not depend on that."""
        self.name = self.source + key
        self.ring: tuple[Standing, ...] = (self,)
        """The same member with each of its keys, this one included."""
        self.origin = origin or self.source
        self.limits = limits
        self.upstream = upstream
        self.attribution = upstream.attribution
        self.calls = calls
        self.quota = quota
        self.wire = wire
        self.simulated = simulated
        self.disabled = disabled
        """Why it is never asked, empty where it is."""
        self.breaker = Breaker()
        self.listing: Listing | None = None
        self.listing_due = 0.0
        """When the listing is to be renewed or, where it failed, when it may be asked for again."""
        self.listing_failed: FeedmuxError | None = None
        self.tally = Tally()
        self.quarantined = ""
        self.open = False
        self.writing = asyncio.Lock()
        """Held while it is written to the store."""
        self.refresh()

    @property
    def needs_key(self) -> bool:
        return self.wire.key is not None and self.wire.key.required and self.wire.secret is None

    def refresh(self) -> None:
        """Whether a request may go without a closer look at breaker and settings."""
        self.open = (
            not self.disabled
            and not self.quarantined
            and not self.needs_key
            and not self.breaker.state.closed
        )

    def condition(self, now: float) -> tuple[State, str, float | None]:
        """State, cause, and seconds until it may change (None where time changes nothing)."""
        if self.quarantined:
            return State.QUARANTINED, self.quarantined, None
        if self.disabled:
            return State.BLOCKED, self.disabled, None
        if self.needs_key:
            return State.NEEDS_KEY, "it gets no traffic until a key is configured", None
        state = self.breaker.state
        if state.closed and state.until > now:
            return state.state, state.cause, None if math.isinf(state.until) else state.until - now
        if state.closed:
            return State.RECOVERING, f"the next question is a probe; {state.cause}", None
        full = self.quota.room(1, now)
        if full is not None and not full.momentary:
            return State.EXHAUSTED, full.reason, full.until - now
        return state.state, state.cause, None
