"""How upstreams count: the only thing in the sandbox that remembers."""

from __future__ import annotations

import math
from collections import deque

LONGEST_BAN = 3 * 86_400


class Sliding:
    """At most `limit` calls in any `per` seconds. Refused calls count too."""

    def __init__(self, limit: int, per: float) -> None:
        self.limit, self.per = limit, per
        self._calls: deque[float] = deque(maxlen=limit + 1)

    def count(self, at: float) -> int:
        """Count one call: 0 where it is let through, else after how many seconds the next one would be."""
        self._calls.append(at)
        over = len(self._calls) > self.limit and self._calls[0] > at - self.per
        return math.ceil(self._calls[1] + self.per - at) if over else 0


class WeightMeter:
    """Binance's count of request weight: by the minute on the wall clock, with a ban for who does not stop.

    A ban comes with the refusal after `patience` others within a minute; the first takes two minutes, each further
    one twice as long, up to three days. (How long Binance bears it is not documented.)
    """

    def __init__(self, limit: int = 6000, patience: int = 10) -> None:
        self.limit, self.patience = limit, patience
        self.used = 0
        self.banned_until = 0.0
        self._minute = 0
        self._refusals = 0
        self._bans = 0

    def spend(self, weight: int, at: float) -> int:
        """Count one call: 0 where it is let through, else after how many seconds to come back."""
        if at < self.banned_until:
            return math.ceil(self.banned_until - at)
        if (minute := math.floor(at / 60)) != self._minute:
            self._minute, self.used, self._refusals = minute, 0, 0
        self.used += weight
        if self.used <= self.limit:
            return 0
        self._refusals += 1
        if self._refusals > self.patience:
            self.banned_until = at + min(120 * 2**self._bans, LONGEST_BAN)
            self._bans += 1
            return math.ceil(self.banned_until - at)
        return math.ceil(60 * (self._minute + 1) - at)
