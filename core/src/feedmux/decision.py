"""The lines of a decision log: what was asked, how it ended, and who was tried. No secrets, no callers, no free text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from feedmux.query import Query

VERSION = 1
"""Of the lines; a reader refuses a log whose header says another."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/-]{0,39}")


class Began(Struct, frozen=True, tag_field="line", tag="log"):
    """The first line of each file. `at` is Unix seconds, `feedmux` the version that writes."""

    version: int
    feedmux: str
    at: float


class Attempt(Struct, frozen=True, omit_defaults=True):
    """A try at an upstream: an event.Result's value, and how long it took. `requests` were sent for it."""

    member: str
    provider: str
    result: str
    ms: float
    requests: int = 1


class Decision(Struct, frozen=True, omit_defaults=True, tag_field="line", tag="question"):
    """A question that ended. `at` is when it was asked, in Unix seconds; `ms` how long it took.

    `outcome` is fresh, stale or an error's slug, `source` cache or flight, empty for an error. An attempt that served
    several questions stands with the first of them that ended.
    """

    at: float
    capability: str
    outcome: str
    ms: float
    parameters: Mapping[str, Sequence[str]] = {}
    how: Mapping[str, Any] = {}
    source: str = ""
    providers: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()


class Dropped(Struct, frozen=True, tag_field="line", tag="dropped"):
    """So many lines were lost before this one, since the file was opened; `at` is Unix seconds."""

    at: float
    lines: int


Line: TypeAlias = Began | Decision | Dropped


def parameters_of(query: Query, salt: bytes) -> dict[str, list[str]]:
    """What `Query.from_strings` reads, with each text that is no plain word or name as `#length:hash` in its place.

    Equal texts have equal hashes under one salt, and no other salt tells which they were.
    """
    hidden = {query.many} if query.free_text else set()
    hidden |= {name for name in query.cuts if isinstance(getattr(query, name, None), str)}
    return {
        name: [
            text if name not in hidden and _WORD.fullmatch(text) else _concealed(text, salt) for text in texts
        ]
        for name, texts in query.to_strings().items()
    }


def _concealed(text: str, salt: bytes) -> str:
    return f"#{len(text)}:{hashlib.blake2b(text.encode(), digest_size=6, key=salt).hexdigest()}"
