"""How a question went, as the caller, the engine and the plugin saw it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from feedmux.answer import Answer
from feedmux.attempt import RESULTS, judged
from feedmux.conformance.case import ITEMS
from feedmux.errors import FeedmuxError
from feedmux.event import Event, Misbehaved, Result, Tried
from feedmux.items import Item
from feedmux.transport import Outgoing


class Outcome(Struct, kw_only=True):
    """How it went. `slug` is `items` or the name of the attempt's error, `error` what left the engine."""

    slug: str
    answer: Answer[Any] | None = None
    error: FeedmuxError | None = None
    raised: BaseException | None = None
    """What the plugin itself raised."""
    sent: Sequence[Outgoing] = ()
    unanswered: Sequence[str] = ()
    events: Sequence[Event] = ()
    held: Sequence[float] = ()
    """Steps that kept the event loop for too long, in seconds."""

    @property
    def items(self) -> Sequence[Item]:
        return self.answer.items if self.answer else ()

    @property
    def misdeeds(self) -> list[str]:
        """What the engine itself saw the plugin do that no plugin may."""
        return [event.detail for event in self.events if isinstance(event, Misbehaved)]


def slug(tried: Sequence[Tried], raised: BaseException | None, error: FeedmuxError | None) -> str:
    """What the attempt came to: the plugin's own error where the engine took it as such, else the engine's verdict."""
    if not tried:
        return error.slug if error else ITEMS
    result = tried[-1].result
    if raised is None and result in (Result.ANSWERED, Result.PARTIAL, Result.UNKNOWN):
        return ITEMS
    if isinstance(raised, FeedmuxError) and judged(raised)[0] is result:
        return raised.slug
    return _BY_RESULT.get(result, result.value)


_BY_RESULT = {result: slug for slug, result, _ in RESULTS}
