"""What goes out as JSON on the native routes: the types that describe the bodies, one for each capability."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from feedmux import Crossed, Missing, Query
from feedmux.event import (
    Answered,
    Cached,
    Changed,
    Compared,
    Considered,
    Hedged,
    Held,
    Joined,
    Misbehaved,
    ServedStale,
    Skipped,
    Tried,
    Waited,
)
from feedmux.status import LedgerRow, ProviderStatus
from feedmux_server.problem import Problem

Step: TypeAlias = (
    Answered
    | Cached
    | Changed
    | Compared
    | Considered
    | Hedged
    | Held
    | Joined
    | Misbehaved
    | ServedStale
    | Skipped
    | Tried
    | Waited
)


class Providers(Struct, frozen=True):
    """Every provider as it stands; `sandbox` says whether answers are simulated."""

    providers: list[ProviderStatus]
    sandbox: bool


class Quota(Struct, frozen=True):
    """Every window of every pool."""

    quota: list[LedgerRow]


@cache
def answer_type(kind: type[Query]) -> type[Struct]:
    """The type of an answer's document, for one kind of question."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("items", list[kind.item]),  # type: ignore[name-defined]
        ("missing", dict[str, Missing]),
        ("attribution", list[str]),
        ("observed_at", datetime | None),
        ("fetched_at", datetime | None),
        ("stale", bool),
        ("sandbox", bool),
    ]
    if kind.can_be_crossed():
        fields.append(("crossed", dict[str, Crossed], {}))
    return msgspec.defstruct(f"{kind.__name__}Answer", fields, module=kind.__module__)


@cache
def explanation_type(kind: type[Query]) -> type[Struct]:
    """The type of an explanation: the answer or the error, neither on a dry run, and every step on the way."""
    fields: list[tuple[str, Any]] = [
        ("answer", answer_type(kind) | None),
        ("error", Problem | None),
        ("trace", list[Step]),
    ]
    return msgspec.defstruct(f"{kind.__name__}Explanation", fields, module=kind.__module__)
