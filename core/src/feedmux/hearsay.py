"""Hearsay: what one process says to the others, as bytes, and whether what they say can be true. Pure."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from feedmux import guard
from feedmux.cache import Entry
from feedmux.errors import BadPayload, FeedmuxError
from feedmux.items import Candle
from feedmux.query import Query

VERSION = 1
LONGEST = 4_000_000
"""Bytes of a message that is read."""
STAMPED = ("vs", "symbol", "interval")
"""What an item says of the question it answers: its currency, and a candle its market as well."""
BAD = (ValueError, TypeError, KeyError, RecursionError, FeedmuxError)
"""What reading and checking raise."""
Queries = Mapping[str, type[Query]]


class Thing(Struct, frozen=True, array_like=True):
    """What is streamed: a member's word on a question."""

    member: str
    capability: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, member: str, part: Query) -> Thing:
        return cls(member, part.capability, msgspec.to_builtins(part))

    def part(self, queries: Queries) -> Query:
        """The question again."""
        return msgspec.convert(self.fields, queries[self.capability])


class Told(Struct, frozen=True, array_like=True, tag="answer"):
    """An answer as the store keeps it; `thing` where a stream brought it."""

    key: bytes
    value: bytes
    thing: Thing | None = None


class Lost(Struct, frozen=True, array_like=True, tag="lost"):
    """Whoever leads on it hears nothing new."""

    thing: Thing
    reason: str


class Wanted(Struct, frozen=True, array_like=True, tag="wanted"):
    """Whoever leads on it without hearing anything is asked to give it up."""

    thing: Thing


Word = Told | Lost | Wanted


class Said(Struct, frozen=True, array_like=True):
    """One message: who says it, and words that are read one by one."""

    version: int
    holder: str
    words: Sequence[Raw]


def worded(word: Word) -> Raw:
    """A word as it goes into a message."""
    return Raw(msgspec.msgpack.encode(word))


def message_of(holder: str, words: Sequence[Raw]) -> bytes:
    """The message that holds them."""
    return msgspec.msgpack.encode(Said(VERSION, holder, words))


def read(message: bytes) -> Said:
    """The message; raises one of BAD."""
    if len(message) > LONGEST:
        raise ValueError(f"{len(message)} bytes")
    said = msgspec.msgpack.decode(message, type=Said)
    if said.version != VERSION:
        raise ValueError(f"version {said.version}")
    return said


def read_word(word: Raw) -> Word:
    """One of its words; raises one of BAD."""
    read: Word = msgspec.msgpack.decode(word, type=Word)
    return read


def check(key: Hashable, entry: Entry, queries: Queries, now: datetime) -> None:
    """Raises one of BAD for what cannot be an answer to the question that it is kept under."""
    kind, wanted = _asked(key, queries)
    longest = kind.max_stale + guard.FUTURE.total_seconds()
    if not math.isfinite(entry.ttl_until) or not entry.good_until - entry.fetched <= longest:
        raise ValueError("good for longer than its question allows")
    if (not entry.items and not kind.may_be_empty) or len(entry.items) > guard.MOST_ITEMS:
        raise ValueError(f"{len(entry.items)} items")
    for item in entry.items:
        if not item.provider or item.fetched_at is None or item.observed_at is None:
            raise ValueError("an item without its source or time")
        for field, value in wanted.items():
            if (given := getattr(item, field, value)) != value:
                raise BadPayload(f"gave {field} {given!s:.40}, which was not asked for")
    if why := guard.too_old(entry.items, kind, None, now):
        raise BadPayload(why)


def _asked(key: Hashable, queries: Queries) -> tuple[type[Query], dict[str, Any]]:
    """The class of the question that a key is made of, and what its items must say of themselves."""
    if isinstance(key, Query):
        element = {key.item_key: key.elements[0]} if key.many else {}
        return type(key), {**element, **({"vs": key.vs} if hasattr(key, "vs") else {})}
    if isinstance(key, tuple) and len(key) == 2:
        return _asked(key[1], queries)
    if not isinstance(key, tuple) or len(key) != 4:
        raise ValueError("not a key of an answer")
    kind = queries[key[1]]
    whole = dict(zip(kind.whole_fields(), key[2], strict=True))
    told = STAMPED if issubclass(kind.item, Candle) else STAMPED[:1]
    return kind, {field: whole[field] for field in told if field in whole}
