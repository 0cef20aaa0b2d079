"""An answer: the items, what is missing and why, who said it, and how it came about."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, field

from feedmux.errors import FeedmuxError
from feedmux.event import Trace
from feedmux.items import Item
from feedmux.query import Query

I = TypeVar("I", bound=Item)  # noqa: E741
_STAMPS = ("provider", "origin", "observed_at", "fetched_at", "stale")


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
    Its age counts from `fetched_at` and is computed when it is served.
    """

    query: Query
    items: tuple[I, ...]
    missing: Mapping[str, Missing] = field(default_factory=dict)
    attribution: tuple[str, ...] = ()
    sandbox: bool = False
    trace: Trace = Trace.EMPTY

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
        """What goes out as JSON: everything but the trace."""
        return {
            "items": self.items,
            "missing": self.missing,
            "attribution": self.attribution,
            "observed_at": self.observed_at,
            "fetched_at": self.fetched_at,
            "stale": self.stale,
            "sandbox": self.sandbox,
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and cells for a person: columns that say something, in the item's own order."""
        rows = [_readable(item) for item in self.items]
        columns = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
        return columns, [[row[name] for name in columns] for row in rows]

    def __str__(self) -> str:
        columns, cells = self.table()
        widths = [max(len(line[i]) for line in (columns, *cells)) for i in range(len(columns))]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
            for line in (columns, *cells)
        ]
        lines += [f"{element}: {why.reason}: {why.detail}" for element, why in self.missing.items()]
        lines += self.attribution
        if self.sandbox:
            lines.append("SANDBOX: simulated, no real market data")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        columns, cells = self.table()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in cells
        )
        notes = [f"{element}: {why.detail}" for element, why in self.missing.items()]
        notes += [*self.attribution, *(["SANDBOX: simulated, no real market data"] if self.sandbox else [])]
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" + "".join(
            f"<p>{html.escape(note)}</p>" for note in notes
        )


_NEVER = datetime.min.replace(tzinfo=UTC)


def _readable(item: Item) -> dict[str, str]:
    fields = msgspec.structs.asdict(item)
    ordered = {k: v for k, v in fields.items() if k not in _STAMPS} | {
        "provider": item.provider
        if item.origin in ("", item.provider)
        else f"{item.provider} ({item.origin})",
        "observed_at": item.observed_at,
        "stale": item.stale,
    }
    return {name: _cell(value) for name, value in ordered.items()}


def _cell(value: object) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.6g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)
