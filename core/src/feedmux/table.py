"""Items as columns of readable cells: what terminals and notebooks show. No colours and no widths here."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from feedmux.cell import Kind, kinds
from feedmux.items import Item


class Column(Struct, frozen=True):
    """One field of all items. `required`: every item of this kind has it, so it says what the item is."""

    name: str
    kind: Kind
    cells: tuple[str, ...]
    required: bool = False


def columns(items: Sequence[Item]) -> list[Column]:
    """The fields that say something of any item, in the items' own order; whose word it is stands last."""
    if not items:
        return []
    of, rows = kinds(type(items[0])), [item.readable() for item in items]
    required = {field.name for field in msgspec.structs.fields(type(items[0])) if field.required}
    own = [name for name in type(items[0]).__struct_fields__ if name not in _LAST]
    return [
        Column(name, of[name], tuple(row.get(name, "") for row in rows), name in required)
        for name in (*own, *_LAST)
        if any(name in row for row in rows)
    ]


_LAST = ("provider", "observed_at", "stale")
