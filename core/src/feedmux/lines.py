"""A member's lines: one connection for all its channels, a further one only where the others are full."""

from __future__ import annotations

from collections.abc import Callable

from feedmux.clock import Clock, Random
from feedmux.line import Access, Ear, Line
from feedmux.push import Push


class Lines:
    """Ears are shared out to lines; whoever listens on the same channel shares its line."""

    def __init__(self, access: Access, push: Push, clock: Clock, chance: Random) -> None:
        self._access = access
        self._push = push
        self._clock = clock
        self._chance = chance
        self._lines: list[Line] = []

    def listen(self, channel: str, ear: Ear) -> Callable[[], None]:
        """Hear a channel from now on; gives back what ends it."""
        line = self._sharing(channel)
        if line is None:
            line = Line(self._access, self._push, self._clock, self._chance)
            self._lines.append(line)
        return line.listen(channel, ear)

    def _sharing(self, channel: str) -> Line | None:
        room = self._push.per_connection
        there = (line for line in self._lines if channel in line.ears)
        free = (line for line in self._lines if len(line.ears) < room)
        return next(there, None) or next(free, None)

    def look(self) -> None:
        """Something about an ear has changed."""
        for line in self._lines:
            line.look()

    async def aclose(self) -> None:
        """Close every connection."""
        for line in self._lines:
            await line.aclose()
