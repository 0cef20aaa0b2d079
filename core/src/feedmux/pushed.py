"""What was pushed: whether it is new, and whether it can be true. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from feedmux import guard
from feedmux.errors import BadPayload
from feedmux.items import Item
from feedmux.query import Query
from feedmux.rotation import Candidate


class Heard(Struct, frozen=True):
    """What a stream said last, and the newest time of an event in it: never ahead of our clock, so that one event
    with a wrong time silences nothing.
    """

    said: Item | None = None
    newest: datetime | None = None

    def after(self, said: Item, now: datetime) -> Heard:
        """The same once that was said as well."""
        return Heard(said, min(said.observed_at or now, now))


def is_new(said: Item, heard: Heard) -> bool:
    """Whether it is no repetition, and no older than what was heard before."""
    at = getattr(said, "observed_at", None)
    return said != heard.said and not (at and heard.newest and at < heard.newest)


def checked(said: Item, part: Query, candidate: Candidate, longest: float, now: datetime) -> Item:
    """The item, stamped; raises BadPayload for one about something else, too far ahead, or older than `longest`
    seconds: a stream says what is now.
    """
    standing = candidate.standing
    origin = (standing.upstream.members and standing.origin) or standing.provider
    item = guard.stamped([said], part, guard.Stamp(standing.provider, origin, now))[0]
    if part.many and getattr(item, part.item_key) not in part.elements:
        raise BadPayload(f"gave {getattr(item, part.item_key)!s:.40}, which was not asked for")
    if why := guard.too_old([item], part, candidate.terms, now):
        raise BadPayload(why)
    age = (now - (item.observed_at or now)).total_seconds()
    if age > longest:
        raise BadPayload(f"observed {age:.0f} s ago, and pushed only now")
    return item
