"""How one value reads for a person: a price, a share, an instant, a span of time. Never parsed back."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import msgspec
from msgspec import Struct, inspect


class Kind(enum.Enum):
    """What a field holds, as its name and annotation say: it decides how its values read."""

    PRICE = "price"
    AMOUNT = "amount"
    CHANGE = "change"
    PERCENT = "percent"
    COUNT = "count"
    INSTANT = "instant"
    FLAG = "flag"
    TEXT = "text"

    @property
    def numeric(self) -> bool:
        """Whether its values are compared by size: they stand on the right of a column."""
        return self in (Kind.PRICE, Kind.AMOUNT, Kind.CHANGE, Kind.PERCENT, Kind.COUNT)


@cache
def kinds(cls: type[Struct]) -> Mapping[str, Kind]:
    """The kind of each field of a struct."""
    return {
        field.name: _kind(field.name, inspect.type_info(field.type)) for field in msgspec.structs.fields(cls)
    }


def _kind(name: str, holds: inspect.Type) -> Kind:
    while isinstance(holds, inspect.Metadata):
        holds = holds.type
    if isinstance(holds, inspect.UnionType):
        known = [one for one in holds.types if not isinstance(one, inspect.NoneType)]
        return _kind(name, known[0]) if len(known) == 1 else Kind.TEXT
    if isinstance(holds, inspect.FloatType):
        if "pct" in name.split("_"):
            return Kind.PERCENT
        if holds.ge is not None and holds.ge < 0:
            return Kind.CHANGE
        return Kind.AMOUNT if holds.ge == 0 else Kind.PRICE
    simple = {inspect.IntType: Kind.COUNT, inspect.DateTimeType: Kind.INSTANT, inspect.BoolType: Kind.FLAG}
    return simple.get(type(holds), Kind.TEXT)


def cell(value: object, kind: Kind) -> str:
    """The value in a few characters, all of them printable; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _NUMBERS.get(kind, price)(value)
    return printable(str(value))


def price(value: float) -> str:
    """Two decimals from a thousand on, below that six digits that matter and at least two decimals."""
    if abs(value) >= 1000:
        return f"{value:,.2f}"
    plain = format(Decimal(f"{value:.6g}"), "f")
    whole, _, decimals = plain.partition(".")
    return f"{whole}.{decimals:0<2}"


def amount(value: float) -> str:
    """In millions, billions or trillions where it is that large."""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:,.2f}{letter}"
    return price(value)


def change(value: float) -> str:
    """A price with its sign."""
    return ("+" if value > 0 else "") + price(value)


def percent(value: float) -> str:
    """Two decimals and the sign."""
    text = f"{value:+,.2f}%"
    return "0.00%" if text in ("-0.00%", "+0.00%") else text


def instant(value: datetime) -> str:
    """To the second, in UTC."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def span(seconds: float) -> str:
    """A span of time in its largest unit, or its two largest from a minute on."""
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, name, below, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {name} {rest} {small}" if rest else f"{whole // size} {name}"
    return f"{whole} s"


def printable(text: str) -> str:
    """The text without anything that could move a cursor, colour a terminal or turn the reading direction."""
    return "".join(one if one.isprintable() else " " for one in text)


_NUMBERS = {
    Kind.PRICE: price,
    Kind.AMOUNT: amount,
    Kind.CHANGE: change,
    Kind.PERCENT: percent,
}
