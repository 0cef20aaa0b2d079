"""How much one client may ask: so many requests in any minute, each client for itself.

The window is the engine's own, on the engine's clock. The `limits` library counts by the machine's clock and tidies
its memory in a thread beside ours.
"""

from __future__ import annotations

import math
from collections import OrderedDict

from msgspec import Struct

from feedmux.clock import Clock
from feedmux.limits import Window
from feedmux.settings import ServerSettings
from feedmux.window import SlidingWindow
from feedmux_server.client import shared_by
from feedmux_server.hosts import is_loopback

PER = 60.0
USUAL = 600
"""Requests a minute where other machines reach the server and nothing is configured."""
REMEMBERED = 10_000
"""Clients that are counted at a time: of more, whoever has not asked for the longest is forgotten."""
EXEMPT = frozenset(("/livez", "/readyz"))
"""Whoever watches over the process asks these, and must not be told that it is unwell for having asked often."""


class Verdict(Struct, frozen=True):
    """What is left to a client in this window, in requests; `wait` is the seconds until it may ask again, 0 now."""

    limit: int
    left: int
    reset: float
    wait: float

    def headers(self) -> dict[str, str]:
        """`RateLimit-*`, of which reset is in whole seconds."""
        return {
            "ratelimit-policy": f"{self.limit};w={PER:.0f}",
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.left),
            "ratelimit-reset": str(math.ceil(self.reset)),
        }


class ClientLimit:
    """Counts clients in moving windows; bounded in number, and whoever was quiet for a minute is forgotten."""

    def __init__(self, limit: int, clock: Clock, remembered: int = REMEMBERED) -> None:
        self._window = Window(limit, PER)
        self._clock = clock
        self._remembered = remembered
        self._clients: OrderedDict[str, tuple[SlidingWindow, float]] = OrderedDict()

    @property
    def counted(self) -> int:
        """Clients that are counted now."""
        return len(self._clients)

    def ask(self, address: str) -> Verdict:
        """Count a request of this client, unless it is over its limit."""
        now, client = self._clock.monotonic(), shared_by(address)
        self._forget(now)
        window = self._clients[client][0] if client in self._clients else SlidingWindow(self._window)
        wait = max(0.0, window.opens(1, now) - now)
        if not wait:
            window.take(1)
            window.release(1, now)
        self._clients[client] = (window, now)
        self._clients.move_to_end(client)
        return Verdict(window.limit, window.free(now), window.resets(now) or 0.0, wait)

    def wait(self, address: str) -> float:
        """Seconds until this client may ask, 0 now; nothing is counted."""
        now, counted = self._clock.monotonic(), self._clients.get(shared_by(address))
        return max(0.0, counted[0].opens(1, now) - now) if counted else 0.0

    def _forget(self, now: float) -> None:
        while self._clients:
            last = next(iter(self._clients.values()))[1]
            if now - last < 2 * PER and len(self._clients) <= self._remembered:
                return
            self._clients.popitem(last=False)


def client_limit(settings: ServerSettings, clock: Clock) -> ClientLimit | None:
    """The limit of a server, None where it has none: unless it is configured, on loopback."""
    chosen = settings.client_limit
    limit = (0 if is_loopback(settings.host) else USUAL) if chosen is None else chosen
    return ClientLimit(limit, clock) if limit else None
