"""Runs the application on granian inside this process, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from feedmux_server.listener import Address, Unusable, open_files, watch_over
from feedmux_server.traffic import Traffic
from feedmux_server.workers import assigned, end_with_parent

GRACE = 8.0
"""Seconds that requests under way have to end once the server is told to stop."""
STEP = 0.1
SETTLED = 1.0
"""Seconds without a request after which what is still open is idle."""
CONNECTIONS = 4096
OTHER_FILES = 128
"""File descriptors that are not callers': upstreams, files; where they are few, half of what is left."""
GRANIAN_FILES = 12
"""Those that granian opens for itself once it serves."""
FEWEST_FILES = 8
HEADER_TIMEOUT_MS = 10_000
_GRANIAN_LOG = {"loggers": {name: {"propagate": True} for name in ("_granian", "granian.access")}}
_log = structlog.get_logger("feedmux.server")


def run(
    app: Litestar,
    address: Address,
    started: Callable[[Litestar], None],
    ended: Callable[[], None] = lambda: None,
) -> NoReturn:
    """`serving` as the whole of this process, which ends with 0 once it is told to stop and `ended` was called.

    The interpreter is not taken down: granian's threads outlive its server for a moment, and one that comes back
    into an interpreter that is ending aborts the process. Raises what opening the engine raises.
    """
    try:
        asyncio.run(serving(app, address, started))
    except BaseExceptionGroup as group:
        raise _alone(group) from None
    ended()
    os._exit(0)


async def serving(app: Litestar, address: Address, started: Callable[[Litestar], None]) -> None:
    """Serve until SIGTERM or SIGINT; then no new connection, what is under way ends, the engine is closed.

    SIGHUP reads the settings anew, where the application has a `control`.
    `started` is called once the engine is open and the port listens. What opening the engine raises comes in the group
    of Litestar's lifespan.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told_to_stop(*_: object) -> None:
        with suppress(RuntimeError):  # told again once the loop is closed and the last lines are written
            loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        # asyncio's own handler loses a signal that comes while granian's threads fill the loop's wake-up pipe
        signal.signal(number, told_to_stop)
    async with app.lifespan():
        orphaned = loop.create_task(end_with_parent()) if assigned() else None
        server = _server(app, address)
        task = loop.create_task(server.serve())
        if await _listening(task, address):
            watch_over(address)
            if (control := app.state.get("control")) is not None:
                loop.add_signal_handler(signal.SIGHUP, control.begin_reload)
            started(app)
        stopping = loop.create_task(stop.wait())
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if orphaned is not None:
            orphaned.cancel()
        if not task.done():
            _log.info("stopping")
            if (readiness := app.state.get("readiness")) is not None:
                readiness.ready = False
            if (hub := app.state.get("stream")) is not None:
                await hub.aclose()  # before granian cuts the connections
            server.stop()  # type: ignore[no-untyped-call]
            await _ended(task, app.state.traffic)
        if not task.cancelled():
            task.result()


def _alone(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a group holds, where it is one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _listening(task: asyncio.Task[None], address: Address) -> bool:
    """True once the port takes connections, False where the server ended before; granian does not tell."""
    while not task.done():
        try:
            _, writer = await asyncio.open_connection(address.reached_at, address.port)
        except OSError:
            await asyncio.wait((task,), timeout=STEP / 10)
        else:
            writer.close()
            return True
    return False


async def _ended(task: asyncio.Task[None], traffic: Traffic) -> None:
    """Wait while requests are under way, as long as they are given; then end what is left.

    A connection on which nothing was asked yet would hold granian until its header timeout: nobody waits for that.
    """
    idle = 0
    for _ in range(int(GRACE / STEP)):
        done, _ = await asyncio.wait((task,), timeout=STEP)
        idle = 0 if traffic.under_way else idle + 1
        if done or idle * STEP >= SETTLED:
            break
    if traffic.under_way:
        _log.warning("requests were cut off", requests=traffic.under_way, after_seconds=GRACE)
    if not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=1.0)


def _server(app: Litestar, address: Address) -> Server:
    return Server(
        app,
        address=address.host,
        port=address.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        backlog=1024,
        backpressure=_connections(),
        log_level=LogLevels.error,
        log_dictconfig=_GRANIAN_LOG,
    )


def _connections() -> int:
    """Callers that may be connected: those beyond wait to be accepted, so that descriptors never run out.

    Without any granian asks for a connection again and again, as fast as it can. Raises Unusable.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return CONNECTIONS
    left = allowed - len(open_files()) - GRANIAN_FILES
    if left < FEWEST_FILES:
        raise Unusable(
            f"{allowed} open files are too few to serve with: raise the limit, as by ulimit -n 1024"
        )
    return min(CONNECTIONS, max(left - OTHER_FILES, left // 2))
