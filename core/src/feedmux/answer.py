"""An answer: the items, what is missing and why, who said it, and how it came about."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from feedmux.cell import printable, span
from feedmux.crossed import Crossed
from feedmux.errors import FeedmuxError
from feedmux.event import Trace
from feedmux.items import Item
from feedmux.query import Query
from feedmux.table import Column, columns

I = TypeVar("I", bound=Item)  # noqa: E741
SIMULATED = "SANDBOX: simulated, no real market data"


class Missing(Struct, frozen=True):
    """Why an element of the question has no item: the error's name, for a person, and when to ask again."""

    reason: str
    detail: str
    retry_after: float | None = None

    @classmethod
    def of(cls, error: FeedmuxError) -> Missing:
        return cls(error.slug, error.detail, error.retry_after)


class Answer(Struct, Generic[I], frozen=True):
    """What a question brought.

    `missing` maps each element that has no item to the reason. `sandbox` is True where the answer is simulated.
    `crossed` says for each element of a cross-checked question who said what; empty where it was not cross-checked.
    `gap`, of a watch, is for how many seconds before it nothing was heard, where a stream was lost; 0 without a loss.
    Its age counts from `fetched_at` and is computed when it is served.
    """

    query: Query
    items: tuple[I, ...]
    missing: Mapping[str, Missing] = field(default_factory=dict)
    attribution: tuple[str, ...] = ()
    sandbox: bool = False
    trace: Trace = Trace.EMPTY
    crossed: Mapping[str, Crossed] = field(default_factory=dict)
    gap: float = 0.0

    def _spokesman(self) -> I:
        """The item whose age is the answer's: of a series the newest, else the oldest."""
        newest = type(self.query).series
        return (max if newest else min)(self.items, key=lambda item: item.observed_at or _NEVER)

    @property
    def observed_at(self) -> datetime | None:
        """When the upstream observed it, in its own words."""
        return self._spokesman().observed_at if self.items else None

    @property
    def fetched_at(self) -> datetime | None:
        """When we had it from the upstream: the oldest item's."""
        return min((item.fetched_at for item in self.items if item.fetched_at), default=None)

    @property
    def stale(self) -> bool:
        """Whether any item is older than it should be."""
        return any(item.stale for item in self.items)

    @property
    def providers(self) -> tuple[str, ...]:
        """Who answered, each once."""
        return tuple(dict.fromkeys(item.provider for item in self.items))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[I]:
        return iter(self.items)

    def rows(self) -> list[dict[str, Any]]:
        """One flat mapping for each item: `pandas.DataFrame(answer.rows())` needs nothing more."""
        return [item.row() for item in self.items]

    def document(self) -> dict[str, Any]:
        """What goes out as JSON: everything but the trace; `crossed` where it was cross-checked, `gap` after one."""
        return {
            "items": self.items,
            "missing": self.missing,
            "attribution": self.attribution,
            "observed_at": self.observed_at,
            "fetched_at": self.fetched_at,
            "stale": self.stale,
            "sandbox": self.sandbox,
            **({"crossed": self.crossed} if self.crossed else {}),
            **({"gap": self.gap} if self.gap else {}),
        }

    def notes(self) -> list[str]:
        """What is to be said beside the items: what is missing and why, whose data it is, the sandbox."""
        told = [
            f"{printable(element)} is missing: {printable(why.detail)}"
            for element, why in self.missing.items()
        ]
        told += [printable(str(one)) for one in self.crossed.values() if one.price is not None]
        told += [f"nothing was heard for {span(self.gap)} before this"] if self.gap else []
        told += [printable(text) for text in self.attribution]
        return [*told, SIMULATED] if self.sandbox else told

    def __str__(self) -> str:
        lines = _aligned(columns(self.items)) if self.items else ["nothing found"]
        return "\n".join([*lines, *self.notes()])

    def _repr_html_(self) -> str:
        shown = columns(self.items)
        side = [' style="text-align:right"' if column.kind.numeric else "" for column in shown]
        head = "".join(
            f"<th{at}>{html.escape(column.name)}</th>" for at, column in zip(side, shown, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(f"<td{at}>{html.escape(text)}</td>" for at, text in zip(side, line, strict=True))
            + "</tr>"
            for line in zip(*(column.cells for column in shown), strict=True)
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


_NEVER = datetime.min.replace(tzinfo=UTC)


def _aligned(shown: Sequence[Column]) -> list[str]:
    """One line for the headings and one for each item; numbers stand on the right."""
    padded = []
    for column in shown:
        width = max(len(text) for text in (column.name, *column.cells))
        flush = str.rjust if column.kind.numeric else str.ljust
        padded.append([flush(text, width) for text in (column.name, *column.cells)])
    return ["  ".join(line).rstrip() for line in zip(*padded, strict=True)]
