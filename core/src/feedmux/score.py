"""How well an endpoint has done lately: success share, speed, and whether it is slow."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

HISTORY = 50
SAMPLES = 5
MEASURED, ENOUGH = 100, 20
"""Of so many answers the 95th percentile is taken, once there were so many."""
SLOW_IN_A_ROW = 3
FIRST_SLOW, LONGEST_SLOW = 30.0, 600.0
FORGET = 10.0
"""Seconds after which a peak in latency has decayed to about a third."""
LEAST_SHARE = 0.05
"""An endpoint that only fails keeps this share of its weight: closing it is the breaker's part."""


class Score:
    """Counts successes and faults, never refusals, cancellations or mistakes of ours."""

    __slots__ = (
        "_bits",
        "_calls",
        "_latest",
        "_measured_at",
        "_slow_pause",
        "_slow_row",
        "_sorted",
        "latency",
        "probing",
        "slow_until",
    )

    def __init__(self) -> None:
        self._bits = 0
        self._calls = 0
        self.latency = 0.0
        self._measured_at = 0.0
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []
        self._slow_row = 0
        self._slow_pause = FIRST_SLOW
        self.slow_until = 0.0
        self.probing = False

    @property
    def success_share(self) -> float:
        """Of the last 50 calls the share that succeeded; 1 until there were five."""
        if self._calls < SAMPLES:
            return 1.0
        return max(LEAST_SHARE, self._bits.bit_count() / min(self._calls, HISTORY))

    @property
    def calls(self) -> int:
        return self._calls

    def succeeded(self, seconds: float, slow_after: float, now: float) -> None:
        """An answer came after so many seconds."""
        self._count(1)
        self._measure(seconds)
        if seconds >= self.latency:
            self.latency = seconds
        else:
            keep = math.exp(-(now - self._measured_at) / FORGET)
            self.latency = self.latency * keep + seconds * (1 - keep)
        self._measured_at = now
        if seconds > slow_after:
            self._count_slow(now)
        else:
            self._slow_row, self._slow_pause, self.slow_until = 0, FIRST_SLOW, 0.0

    def _measure(self, seconds: float) -> None:
        self._latest.append(seconds)
        insort(self._sorted, seconds)
        if len(self._latest) > MEASURED:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]

    @property
    def patience(self) -> float | None:
        """Seconds within which 95 % of its latest answers came; None where there were too few to say."""
        count = len(self._sorted)
        return self._sorted[math.ceil(0.95 * count) - 1] if count >= ENOUGH else None

    def failed(self) -> None:
        """An attempt ended in a fault."""
        self._count(0)

    def _count(self, bit: int) -> None:
        self._bits = ((self._bits << 1) | bit) & ((1 << HISTORY) - 1)
        self._calls += 1

    def _count_slow(self, now: float) -> None:
        self._slow_row += 1
        if self.slow_until and now < self.slow_until:
            return  # sent before it was put last
        if self.slow_until:
            self._slow_pause = min(LONGEST_SLOW, self._slow_pause * 2)
            self.slow_until = now + self._slow_pause
        elif self._slow_row >= SLOW_IN_A_ROW:
            self.slow_until = now + self._slow_pause

    def put_last(self, now: float) -> bool:
        """Whether it is slow: last in its tier, but for one probe once its time is over."""
        return self.slow_until > 0.0 and (now < self.slow_until or self.probing)


def factor(success_share: float, latency: float, best: float, quota_left: float) -> float:
    """What an endpoint's weight is multiplied by: health, speed against the best, quota left."""
    speed = max(0.25, min(1.0, 2.0 * best / latency)) if latency > 0.0 and best > 0.0 else 1.0
    return success_share * speed * min(1.0, 4.0 * quota_left)
