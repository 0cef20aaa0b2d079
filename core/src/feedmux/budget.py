"""The budget for requests beyond the first: a share of the questions of the last seconds, and always one."""

from __future__ import annotations

from collections import deque

SHARE = 0.2
SECONDS = 10.0


class Budget:
    """Spent by guard confirmations and repeats; never by falling over to another member."""

    def __init__(self) -> None:
        self._asked: deque[float] = deque()
        self._spent: deque[float] = deque()

    def asked(self, now: float) -> None:
        """A question reached the upstreams."""
        self._asked.append(now)
        self._forget(now)

    def spend(self, now: float) -> bool:
        """Whether one more request may go; counts it where it may."""
        self._forget(now)
        if len(self._spent) >= max(1.0, SHARE * len(self._asked)):
            return False
        self._spent.append(now)
        return True

    def _forget(self, now: float) -> None:
        for times in (self._asked, self._spent):
            while times and times[0] <= now - SECONDS:
                times.popleft()
