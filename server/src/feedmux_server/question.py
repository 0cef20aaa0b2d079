"""A question as a URL spells it: what is asked, and how it is to be answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from feedmux import Query
from feedmux_server import parameters


class How(Struct, frozen=True, kw_only=True):
    """What every question takes beside its own parameters. None: the engine's own rule."""

    max_age: (
        Annotated[
            float,
            Meta(
                ge=0, le=604_800, description="how old an answer may be, in seconds, before somebody is asked"
            ),
        ]
        | None
    ) = None
    deadline: (
        Annotated[float, Meta(gt=0, le=60, description="how long to wait at most, in seconds")] | None
    ) = None
    only: Annotated[tuple[str, ...], Meta(description="the providers that may answer, nobody else")] = ()
    prefer: Annotated[tuple[str, ...], Meta(description="the providers to ask first")] = ()
    cross_check: Annotated[
        bool, Meta(description="hear up to three providers of different origin and give their median")
    ] = False


PLAIN = How()
COMMON = How.__struct_fields__


class Question(Struct, frozen=True):
    """A Query and how it is to be answered."""

    query: Query
    how: How = PLAIN

    @property
    def plain(self) -> bool:
        """Whether any answer that is fresh will do."""
        how = self.how
        return how.max_age is None and not (how.only or how.prefer or how.cross_check)

    def conditions(self) -> dict[str, Any]:
        """The arguments that `Mux.get` takes beside the query."""
        return msgspec.structs.asdict(self.how)


def common(kind: type[Query]) -> tuple[str, ...]:
    """The parameters of How that this question takes: those that are not its own, and make sense for it."""
    return tuple(
        name
        for name in COMMON
        if name not in kind.__struct_fields__ and (name != "cross_check" or kind.can_be_crossed())
    )


def read(kind: type[Query], texts: Mapping[str, Sequence[str]]) -> Question:
    """The question that parameters spell; raises InvalidQuery naming the one that is wrong and what would be right.

    A field of the Query that is called like a common parameter is the Query's.
    """
    own, others = kind.__struct_fields__, common(kind)
    parameters.refuse_unknown(texts, [*own, *others])
    how = {name: found for name, found in texts.items() if name in others}
    query = kind.from_strings({name: found for name, found in texts.items() if name in own})
    return Question(query, parameters.decoded(How, how) if how else PLAIN)
