"""How many messages a client may send: so many a second, and as many at once."""

from __future__ import annotations

from feedmux.clock import Clock


class Allowance:
    """`rate` messages a second; unused ones are kept for one second."""

    def __init__(self, clock: Clock, rate: int) -> None:
        self._clock = clock
        self._rate = float(rate)
        self._left = self._rate
        self._at = clock.monotonic()

    def take(self) -> bool:
        """Whether one more is allowed; it then counts."""
        now = self._clock.monotonic()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
