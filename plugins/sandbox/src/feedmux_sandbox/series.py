"""The recorded price series, played over and over: what a leader is worth at any instant, and any candle of it.

The 1000 recorded hours run forward, then backward, so that the ends join. Inside an hour the price walks from its
open over its low and high to its close; every number is a pure function of the instant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

import msgspec
from msgspec import Struct

HOUR = 3600
STEPS = 240
"""Corners of the price's walk through an hour, 15 seconds apart."""
NOISE = 0.03
"""How far a corner may lie off the straight way, as a share of the hour's range."""


class Bar(Struct, frozen=True):
    """What happened between two instants. `volume` is in units of what is traded."""

    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def typical(self) -> float:
        """A price between low and high, for turning volume into money."""
        return (self.open + self.high + self.low + self.close) / 4


class Columns(Struct, frozen=True):
    """One leader as `series.json` keeps it: a value for each recorded hour."""

    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]
    volume: tuple[float, ...]


class Series:
    """One leader's endless series. Instants are Unix seconds; an hour is counted from the epoch."""

    def __init__(self, recorded: Columns) -> None:
        self.period = 2 * len(recorded.open)
        self._opens = recorded.open + recorded.close[::-1]
        self._closes = recorded.close + recorded.open[::-1]
        self._highs, self._lows, self._volumes = (
            2 * (column + column[::-1]) for column in (recorded.high, recorded.low, recorded.volume)
        )
        self.mean = sum(recorded.close) / len(recorded.close)
        self.highest, self.lowest = max(recorded.high), min(recorded.low)
        self.daily_volume = 24 * sum(recorded.volume) / len(recorded.volume)

    def price(self, at: float) -> float:
        """The price at an instant."""
        hour = math.floor(at / HOUR)
        return _along(self._walk(hour), (at / HOUR - hour) * STEPS)

    def bar(self, start: float, end: float) -> Bar:
        """What happens from `start` up to `end`, at most 2000 hours later; a flat bar where that is no time at all."""
        if end <= start:
            price = self.price(start)
            return Bar(price, price, price, price, 0.0)
        head, tail = math.ceil(start / HOUR), math.floor(end / HOUR)
        if head > tail:
            return self._part(tail, start, end)
        pieces = [self._part(head - 1, start, head * HOUR)] if start < head * HOUR else []
        if head < tail:
            pieces.append(self._whole(head, tail))
        if tail * HOUR < end:
            pieces.append(self._part(tail, tail * HOUR, end))
        return _joined(pieces)

    def _whole(self, first: int, after: int) -> Bar:
        low = first % self.period
        hours = slice(low, low + after - first)
        return Bar(
            self._opens[low],
            max(self._highs[hours]),
            min(self._lows[hours]),
            self._closes[(after - 1) % self.period],
            sum(self._volumes[hours]),
        )

    def _part(self, hour: int, start: float, end: float) -> Bar:
        walk = self._walk(hour)
        since, until = (start / HOUR - hour) * STEPS, (end / HOUR - hour) * STEPS
        first, last = _along(walk, since), _along(walk, until)
        seen = (first, *walk[math.floor(since) + 1 : math.ceil(until)], last)
        volume = self._volumes[hour % self.period] * (until - since) / STEPS
        return Bar(first, max(seen), min(seen), last, volume)

    def _walk(self, hour: int) -> Sequence[float]:
        i = hour % self.period
        return _walk(i, self._opens[i], self._highs[i], self._lows[i], self._closes[i])


def _joined(pieces: Sequence[Bar]) -> Bar:
    return Bar(
        pieces[0].open,
        max(piece.high for piece in pieces),
        min(piece.low for piece in pieces),
        pieces[-1].close,
        sum(piece.volume for piece in pieces),
    )


def _along(walk: Sequence[float], step: float) -> float:
    before = min(math.floor(step), STEPS - 1)
    return walk[before] + (walk[before + 1] - walk[before]) * (step - before)


@lru_cache(maxsize=1024)
def _walk(seed: int, first: float, high: float, low: float, last: float) -> Sequence[float]:
    """The corners of the way through an hour: a rising hour dips first, a falling one peaks first."""
    turns = (low, high) if last >= first else (high, low)
    one, two = 40 + _hash(seed, 1) % 40, 140 + _hash(seed, 2) % 60
    corners = ((0, first), (one, turns[0]), (two, turns[1]), (STEPS, last))
    walk = [first]
    for (since, start), (until, end) in pairwise(corners):
        for step in range(since + 1, until):
            straight = start + (end - start) * (step - since) / (until - since)
            off = (_hash(seed, step) / 2**31 - 1) * NOISE * (high - low)
            walk.append(min(high, max(low, straight + off)))
        walk.append(end)
    return tuple(walk)


def _hash(seed: int, step: int) -> int:
    """Evenly spread 32 bits that depend on nothing but the arguments."""
    mixed = (seed * 0x9E3779B1 + step * 0x85EBCA6B) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0xC2B2AE35) & 0xFFFFFFFF
    return mixed ^ (mixed >> 13)


@cache
def leaders() -> dict[str, Series]:
    """The recorded series by symbol: BTC, ETH and SOL."""
    body = files("feedmux_sandbox").joinpath("series.json").read_bytes()
    return {
        name: Series(columns) for name, columns in msgspec.json.decode(body, type=dict[str, Columns]).items()
    }
