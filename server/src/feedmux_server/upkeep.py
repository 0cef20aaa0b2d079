"""What stands beside the questions for whoever operates the server: metrics, the loop's lag, control, readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from litestar import Litestar

from feedmux import Mux, Settings
from feedmux.settings import ServerSettings
from feedmux_server.control import Control
from feedmux_server.gauge import Gauges
from feedmux_server.lag import Lag
from feedmux_server.metrics import Metrics
from feedmux_server.readiness import Readiness
from feedmux_server.traffic import Traffic


@asynccontextmanager
async def upkeep(
    app: Litestar, mux: Mux, traffic: Traffic, server: ServerSettings, read: Callable[[], Settings]
) -> AsyncIterator[Gauges]:
    """For as long as the engine is open; gives the gauges with which other modules may register."""
    gauges, lag = Gauges(), Lag(mux.clock)
    app.state.gauges = gauges
    app.state.metrics = Metrics(mux, traffic, gauges, lag)
    app.state.control = Control(mux, server, read)
    readiness: Readiness = app.state.readiness
    measuring = asyncio.get_running_loop().create_task(lag.measure())
    readiness.ready = True
    try:
        yield gauges
    finally:
        readiness.ready = False
        measuring.cancel()
