"""What the engine tells is counted, and a change of state is said."""

from __future__ import annotations

from typing import Any

from acme import provider
from structlog.testing import capture_logs

import feedmux
from feedmux import FeedmuxError, Quotes, Settings, hookimpl, virtual
from feedmux.event import Result
from feedmux.transport import Incoming, Outgoing
from feedmux.virtual import virtual_clock
from feedmux_observer import Observer


class Upstream:
    """Answers as told, after a tenth of a second."""

    simulated = False

    def __init__(self, status: int) -> None:
        self._status = status

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self if provider else None

    async def send(self, outgoing: Outgoing) -> Incoming:
        await virtual_clock().sleep(0.1)
        return Incoming(self._status, {}, b'[{"ticker":"BTC","last":91234.5}]')

    async def aclose(self) -> None: ...


async def asked(observer: Observer, status: int) -> None:
    extensions = {"upstream": Upstream(status), "observer": observer}
    async with feedmux.open(
        Settings(), plugins={"acme": provider()}, extensions=extensions, clock=virtual_clock()
    ) as mux:
        try:
            await mux.get(Quotes("BTC"))
        except FeedmuxError:
            pass
        await mux.clock.sleep(0.01)


def test_attempts_are_counted_by_how_they_end() -> None:
    observer = Observer()
    virtual.run(asked(observer, 200))
    assert observer.ends == {("acme", Result.ANSWERED): 1}
    assert round(observer.mean("acme") or 0, 3) == 0.1
    assert observer.mean("nobody") is None


def test_a_refusal_is_said() -> None:
    observer = Observer()
    with capture_logs() as lines:
        virtual.run(asked(observer, 429))
    assert observer.ends == {("acme", Result.REFUSED): 1}
    assert [(one["event"], one["state"]) for one in lines] == [("state changed", "throttled")]
