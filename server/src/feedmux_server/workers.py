"""Several processes on one port: each is a server of its own, and all end with the one that started them.

The kernel deals connections out to whoever listens; quotas, breakers and answers are shared through the store.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence

import structlog

from feedmux import Settings
from feedmux.clock import SystemClock
from feedmux.settings import Sandbox
from feedmux.statefile import SCHEME, location, opened
from feedmux.valkey import is_valkey
from feedmux_server.listener import Address

WORKER_OF = "FEEDMUX_WORKER_OF"
"""The environment variable that makes a process a worker: the process whose end is its own, and the address."""
GRACE = 9.5
"""Seconds that workers have to end before they are killed."""
LOOK = 0.5
TOO_SOON = 5.0
"""A worker that ends within so many seconds of its start is not started again at once."""
_log = structlog.get_logger("feedmux.server")


class Failed(Exception):
    """The workers cannot serve; the text says why."""


def refused(settings: Settings) -> str:
    """Why several processes cannot serve under these settings, empty where they can."""
    url = settings.store.url
    if settings.engine.sandbox is not Sandbox.OFF:
        return "the sandbox keeps no state to share: serve it with one worker"
    if is_valkey(url):
        return ""
    if not url.startswith(SCHEME):
        return f"{url} is not shared, and each worker would count every quota for itself: set [store] url to sqlite:"
    if (database := opened(location(url), SystemClock())) is None:
        return "there is no state file to share, and each worker would count every quota for itself"
    database.close()
    return ""


def assigned() -> Address | None:
    """Where this process listens as a worker that another one started; None where it is none."""
    told = os.environ.get(WORKER_OF, "").split()
    return Address(told[1], int(told[2])) if len(told) == 3 else None


async def end_with_parent() -> None:
    """Stop this process, as SIGTERM would, once the one that started it is no more."""
    parent = int(os.environ[WORKER_OF].split()[0])
    while os.getppid() == parent:
        await SystemClock().sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)


async def serve(count: int, command: Sequence[str], address: Address) -> None:
    """Run so many workers until SIGTERM or SIGINT; one that ends by itself is started again.

    Raises Failed where a worker ends at once before any has served.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running: list[asyncio.subprocess.Process] = []
    environment = os.environ | {WORKER_OF: f"{os.getpid()} {address.host} {address.port}"}
    keepers = [
        loop.create_task(_kept(command, environment, running, stop, first=place == 0))
        for place in range(count)
    ]
    loop.add_signal_handler(signal.SIGHUP, _signal_all, running, signal.SIGHUP)
    done, _ = await asyncio.wait(keepers, return_when=asyncio.FIRST_EXCEPTION)
    stop.set()
    await asyncio.wait(keepers)
    for keeper in done:
        keeper.result()


async def _kept(
    command: Sequence[str],
    environment: Mapping[str, str],
    running: list[asyncio.subprocess.Process],
    stop: asyncio.Event,
    *,
    first: bool,
) -> None:
    """One worker, started again where it ends by itself."""
    clock, starts = SystemClock(), 0
    stopping = asyncio.get_running_loop().create_task(stop.wait())
    while not stop.is_set():
        began, starts = clock.monotonic(), starts + 1
        worker = await _started(command, environment, announces=first and starts == 1)
        running.append(worker)
        ended = asyncio.get_running_loop().create_task(worker.wait())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set() and not ended.done():
            _signal(worker, signal.SIGTERM)
            await asyncio.wait((ended,), timeout=GRACE)
            if not ended.done():
                worker.kill()
                await ended
        running.remove(worker)
        if stop.is_set():
            return
        if starts == 1 and clock.monotonic() - began < TOO_SOON:
            raise Failed("a worker ended as soon as it was started; its message stands above")
        _log.warning("a worker ended, another one is started", status=worker.returncode)
        if clock.monotonic() - began < TOO_SOON:
            await asyncio.wait((stopping,), timeout=TOO_SOON)


async def _started(
    command: Sequence[str], environment: Mapping[str, str], *, announces: bool
) -> asyncio.subprocess.Process:
    """A worker; only one of them says where it listens."""
    told = None if announces else asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(sys.executable, *command, env=environment, stdout=told)


def _signal_all(workers: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for worker in workers:
        _signal(worker, number)


def _signal(worker: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if worker.returncode is None:
        worker.send_signal(number)
