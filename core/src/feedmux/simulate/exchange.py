"""The network of a replay: a line to each modelled upstream, by the member that is asked and the key it is asked with."""

from __future__ import annotations

from urllib.parse import urlsplit

from feedmux.clock import Clock
from feedmux.hooks import hookimpl
from feedmux.simulate.occupancy import Spent
from feedmux.simulate.remote import Remote
from feedmux.standing import Standing
from feedmux.transport import Incoming, Outgoing

HEADER = "x-simulated-key"
"""In which a stand-in's key travels."""


class Line:
    """The way to one upstream; what goes along it is noted in `spent`."""

    def __init__(self, remote: Remote, spent: list[Spent], clock: Clock) -> None:
        self.remote = remote
        self._spent = spent
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> Incoming:
        """One exchange."""
        self._spent.append(Spent(self._clock.monotonic(), 1, cost_of(urlsplit(outgoing.url).path)))
        return await self.remote.send(outgoing)


def cost_of(path: str) -> int:
    """What a stand-in's request costs."""
    return int(path.rpartition("/")[2])


class Exchange:
    """The extension that puts lines in the place of every network: one for each member and key."""

    simulated = False

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Line] = {}

    @hookimpl
    def feedmux_transport(self, provider: str) -> Exchange:
        return self

    def connect(self, standing: Standing, line: Line) -> None:
        """From now on what this member is asked with this key goes along that line."""
        wire = standing.wire
        key = wire.secret.reveal() if wire.key is not None and wire.secret is not None else ""
        self._lines[wire.address.hosts[0], key] = line

    async def send(self, outgoing: Outgoing) -> Incoming:
        """One exchange."""
        address = urlsplit(outgoing.url)
        line = self._lines[f"{address.scheme}://{address.netloc}", outgoing.headers.get(HEADER, "")]
        return await line.send(outgoing)

    async def aclose(self) -> None:
        """Nothing is open."""
