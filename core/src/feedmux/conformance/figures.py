"""The numbers that a body holds, and whether an item holds others."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Set
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import msgspec

from feedmux.items import STAMPS, Candle, Item
from feedmux.query import Query

Figure: TypeAlias = tuple[str, float]
"""A field of an item and a number that it holds; instants are Unix seconds."""
PLACES = ("position", "rank")
"""Fields that may count the body's own list."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_GROUPED = re.compile(r"(?<=\d)[,_ '](?=\d{3})")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_MONTH = re.compile(r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b", re.IGNORECASE)
BESIDE = 1e-14
"""Relative distance of two numbers that are one: more than what a float loses."""
_AROUND = 40
"""Characters on either side of a month that may belong to a date as mail and feeds write it."""


MICROSECOND = 1e-6
UNITS = (1.0, 1e-3, 1e-6, 1e-9)
"""Of instants, in seconds."""


class _Instant(float):
    """Unix seconds."""


class Figures:
    """Of one body. Powers of ten make no difference: units differ (wei and gwei, milliseconds and seconds)."""

    def __init__(self, content: bytes) -> None:
        text = content.decode("utf-8", "replace")
        self._numbers = tuple(_numbers(text))
        self._known = set(map(_digits, self._numbers))
        self._longest = _longest(content)

    def foreign(self, item: Item, query: Query) -> Iterator[Figure]:
        """What the item says that neither the body nor the question does."""
        for name, value in said(item):
            if self._holds(value) or value == getattr(query, name, None):
                continue
            if name in PLACES and 1 <= value <= self._longest:
                continue
            yield name, value

    def _holds(self, value: float) -> bool:
        """Whether the body has its digits; a float may lie just beside where a decimal of the body is rounded."""
        beside = (value, value * (1 + BESIDE), value * (1 - BESIDE)) if isinstance(value, float) else (value,)
        return any(_digits(one) in self._known for one in beside) or self._rounds_to(value)

    def _rounds_to(self, value: float) -> bool:
        """Whether it is an instant, which keeps no more than microseconds, of one that the body has in some unit."""
        return isinstance(value, _Instant) and any(
            abs(float(number) * unit - value) <= MICROSECOND for number in self._numbers for unit in UNITS
        )


def said(item: Item) -> Iterator[Figure]:
    """Every number that the upstream is quoted with: not what the engine stamps."""
    row = item.row()
    for name in STAMPS:
        if name != "observed_at" or isinstance(item, Candle) or item.observed_at == item.fetched_at:
            row.pop(name)
    for name, value in row.items():
        yield from ((name, number) for number in _held(value))


def constants(figures: Set[Figure]) -> set[Figure]:
    """Those that may be the provider's own: whole numbers, such as how many decimals a coin has."""
    return {(name, value) for name, value in figures if isinstance(value, int)}


def _held(value: Any) -> Iterator[float]:
    if isinstance(value, datetime):
        yield _Instant(value.timestamp())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _held(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _held(inner)


def _digits(value: float | Decimal) -> str:
    """The first digits of a number, whatever its power of ten."""
    try:
        return f"{value:.11e}".partition("e")[0] if value else "0"
    except OverflowError:  # a whole number that no float holds
        return _digits(Decimal(value))


def _numbers(text: str) -> Iterator[float | Decimal]:
    for written in _NUMBER.findall(f"{text}\n{_GROUPED.sub('', text)}"):
        yield number if math.isfinite(number := float(written)) else Decimal(written)
    for written in _ISO.findall(text):
        yield from _instant(written)
    for month in _MONTH.finditer(text):
        before = re.split(r'[<>"]', text[max(0, month.start() - _AROUND) : month.start()])[-1]
        after = re.split(r'[<>"]', text[month.start() : month.end() + _AROUND])[0]
        try:
            yield _aware(parsedate_to_datetime(before + after)).timestamp()
        except (ValueError, TypeError, OverflowError):
            continue


def _instant(written: str) -> Iterator[float]:
    try:
        found = datetime.fromisoformat(written) if len(written) > 10 else date.fromisoformat(written)
    except ValueError:
        return
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    try:
        yield _aware(found).timestamp()
    except (ValueError, OverflowError):
        return


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _longest(content: bytes) -> int:
    """The length of the longest list in a body; of what is no JSON, how many lists and rows begin in it."""
    try:
        return max(_lengths(msgspec.json.decode(content)), default=0)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError
        return sum(map(content.count, (b"[", b"{", b"<")))


def _lengths(value: Any) -> Iterator[int]:
    if isinstance(value, dict | list):
        yield len(value)
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _lengths(inner)
