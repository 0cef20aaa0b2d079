"""How a member's stream is reached: at which address, whether one may connect now, and what a refusal means."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from feedmux.attempt import bounded
from feedmux.clock import Clock
from feedmux.conduct import Conduct
from feedmux.errors import FeedmuxError, RateLimited, Unavailable, UpstreamDown, UpstreamTimeout
from feedmux.failure import failure_of
from feedmux.http import HEADERS, Address
from feedmux.pace import Pace
from feedmux.push import Push
from feedmux.quota import Ending
from feedmux.request import Reply
from feedmux.settings import ProviderSettings
from feedmux.standing import Standing
from feedmux.transport import Incoming, Outgoing, Socket

PATIENCE = 10.0
"""Seconds that opening a connection may take."""
HOOK = "dial"


def stream_hosts(push: Push | None, chosen: ProviderSettings) -> tuple[str, ...]:
    """Where the operator lets us stream from: `stream_url`, else the declared hosts, and nowhere beside a `base_url`."""
    if push is None:
        return ()
    if chosen.stream_url:
        return (chosen.stream_url,)
    return () if chosen.base_url else push.hosts


class MemberAccess:
    """One member's way to its stream. Opening a connection spends no permit of its quota; a refusal closes it all."""

    def __init__(
        self,
        standing: Standing,
        push: Push,
        settings: Callable[[], ProviderSettings],
        clock: Clock,
        conduct: Conduct,
    ) -> None:
        self._standing = standing
        self._push = push
        self._settings = settings
        self._clock = clock
        self._conduct = conduct
        self._pace = Pace(push.connections.limit, push.connections.per, clock)
        self._address = Address(())

    @property
    def barred(self) -> str:
        standing = self._standing
        if standing.quarantined or standing.disabled:
            return standing.quarantined or standing.disabled
        if standing.needs_key:
            return "it needs a key"
        return "" if self._hosts() else "the settings name no stream_url"

    @property
    def hindrance(self) -> str:
        if why := self.barred:
            return why
        state = self._standing.breaker.state
        return "" if self._standing.open else f"it is closed: {state.cause}"

    async def dial(self) -> Socket:
        """Open a connection to the first host that can be reached. Raises FeedmuxError, none of which holds a key."""
        address = self._current()
        error: FeedmuxError = UpstreamDown("has no host", sent=False)
        for host in address.in_order(self._clock.monotonic()):
            await self._pace.turn()
            try:
                return await self._dialled(host, address)
            except UpstreamDown as down:
                if down.sent and not isinstance(down, Unavailable):
                    raise
                address.rest(host, self._clock.monotonic())
                error = down
        raise error

    def _hosts(self) -> Sequence[str]:
        return stream_hosts(self._push, self._settings())

    def _current(self) -> Address:
        """The address by the settings of now; it remembers which hosts are to be passed over."""
        hosts = tuple(host.rstrip("/") for host in self._hosts())
        if hosts != self._address.hosts:
            self._address = Address(hosts, chosen_by_operator=self._settings().stream_url is not None)
        return self._address

    async def _dialled(self, host: str, address: Address) -> Socket:
        standing, began = self._standing, self._clock.monotonic()
        outgoing = Outgoing(
            host + self._push.path,
            {"user-agent": HEADERS["user-agent"]},
            inside=address.chosen_by_operator,
        )
        dial = standing.wire.transport.dial  # type: ignore[attr-defined]
        try:
            async with asyncio.timeout(PATIENCE):
                came = await bounded(dial(outgoing), standing.name, HOOK, standing.wire.redacted)
        except TimeoutError:
            raise UpstreamTimeout(f"did not open the stream within {PATIENCE:g} s") from None
        if not isinstance(came, Incoming):
            socket: Socket = came
            return socket
        failure = self._refusal(came)
        if isinstance(failure, RateLimited):
            self._conduct.shut(standing, failure, Ending.NEUTRAL, began)
        raise failure

    def _refusal(self, came: Incoming) -> FeedmuxError:
        """What a reply means that is no upgrade."""
        wire = self._standing.wire
        shown = Reply(came.status, came.headers, wire.without_secret(came.body))
        failure = failure_of(shown, wire.failures, self._clock.now())
        if failure is None:
            return UpstreamDown(f"answered {came.status} where an upgrade was due")
        failure.detail = wire.redacted(failure.detail)
        return failure
