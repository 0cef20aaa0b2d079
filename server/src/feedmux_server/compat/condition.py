"""The engine's states in the older service's words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from feedmux.breaker import State
from feedmux.status import ProviderStatus

Condition: TypeAlias = Literal["online", "offline", "rate_limited", "degraded"]
Overall: TypeAlias = Literal["online", "degraded", "partial", "offline"]

CONDITIONS: dict[State, Condition] = {
    State.OPEN: "online",
    State.THROTTLED: "rate_limited",
    State.EXHAUSTED: "rate_limited",
    State.RECOVERING: "degraded",
    State.UNKNOWN: "degraded",
    State.BLOCKED: "offline",
    State.NEEDS_KEY: "offline",
    State.QUARANTINED: "offline",
}
"""A provider that has not been asked yet is no more than degraded: unknown is not green."""
ACTIONS = {
    "unauthorized": "check the provider's key",
    "rate-limited": "wait until its limit resets, or configure a key or plan with more",
    "upstream-timeout": "it is too slow: others are asked meanwhile",
    "upstream-down": "nothing: it is probed until it is back",
    "unavailable": "it does not serve this place: set another base_url",
    "bad-payload": "look for a newer version of its plugin",
}
"""What to do about an error, by its slug."""


def condition(provider: ProviderStatus) -> Condition:
    """A provider's state, of the four that there were."""
    return CONDITIONS[provider.state]


def best(conditions: Sequence[Condition]) -> Condition:
    """The best of several; offline where there is none."""
    order: tuple[Condition, ...] = ("online", "degraded", "rate_limited", "offline")
    return min(conditions, key=order.index, default="offline")


def overall(conditions: Sequence[Condition]) -> Overall:
    """`online` where all are, `partial` where some are offline, `offline` where none can answer."""
    usable = [one for one in conditions if one in ("online", "degraded")]
    if not usable:
        return "offline"
    if "offline" in conditions:
        return "partial"
    return "online" if all(one == "online" for one in conditions) else "degraded"


def last_check(provider: ProviderStatus) -> int | None:
    """When it was last heard of, in Unix seconds."""
    heard: list[datetime] = [
        at for member in provider.members for at in (member.last_success, member.last_failure) if at
    ]
    return int(max(heard).timestamp()) if heard else None


def latency_ms(provider: ProviderStatus) -> float | None:
    """Its best member's latency, of answers that came."""
    known = [member.latency for member in provider.members if member.latency is not None]
    return round(min(known) * 1000, 1) if known else None


def action(slug: str) -> str:
    """What somebody might do about it."""
    return ACTIONS.get(slug, "look into the log")
