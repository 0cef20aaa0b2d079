"""How each route fares since the start: counted at the edge, shown in the system status."""

from __future__ import annotations

from msgspec import Struct, field

from feedmux_server.histogram import Histogram


class Tally(Struct):
    """One route: how often, how often not with a server error, and how long in all, in seconds."""

    requests: int = 0
    successes: int = 0
    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    """How often each status; 0 where the client left before there was one."""
    durations: Histogram = field(default_factory=Histogram)

    @property
    def success_rate(self) -> float:
        """The share of requests that did not end in a 5xx."""
        return self.successes / self.requests

    @property
    def average_ms(self) -> float:
        return self.seconds * 1000 / self.requests


class Traffic:
    """Tallies by route template: as many as there are routes, whatever is asked."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.under_way = 0
        """Requests that have not been answered yet."""
        self.websockets = 0
        """WebSockets that are open."""

    def count(self, route: str, status: int, seconds: float) -> None:
        """Add one request."""
        tally = self.tallies.get(route)
        if tally is None:
            tally = self.tallies[route] = Tally()
        tally.requests += 1
        tally.successes += status < 500
        tally.seconds += seconds
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        tally.durations.add(seconds)
