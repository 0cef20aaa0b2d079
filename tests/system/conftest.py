"""The upstreams on loopback, and an engine with the installed plugins that takes them for the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

import feedmux
from feedmux.mux import Mux
from feedmux.settings import settings_from

from .clock import ShiftedClock
from .streamer import Streamer
from .upstream import UPSTREAMS, Upstream


class Engine(Protocol):
    def __call__(self, *providers: str, deadline: float = 5.0) -> AbstractAsyncContextManager[Mux]: ...


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def upstream(clock: ShiftedClock) -> AsyncIterator[Upstream]:
    """Every upstream, well."""
    server = Upstream(clock)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def streamer(clock: ShiftedClock) -> AsyncIterator[Streamer]:
    server = Streamer(clock)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def engine(upstream: Upstream, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Opens an engine on the upstreams, of these providers or of all that the upstreams know."""

    def opened(*providers: str, deadline: float = 5.0) -> AbstractAsyncContextManager[Mux]:
        monkeypatch.setenv("FEEDMUX_PLUGINS", ",".join(providers or UPSTREAMS))
        sections = {name: {"base_url": upstream.base_url(name)} for name in providers or UPSTREAMS}
        chosen = settings_from({"engine": {"deadline": deadline}, "providers": sections}, {})
        return feedmux.open(chosen, clock=clock, seed=1)

    return opened
