"""Several processes on one port and one state file: together they keep to what one may do. FEEDMUX_WORKERS=4 for more."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from feedmux.clock import Chance, SystemClock
from feedmux.transport import Network, Outgoing

from .distributions import environment
from .metered import NAME, WINDOWS, Metered, prepared

pytestmark = pytest.mark.anyio
WORKERS = int(os.environ.get("FEEDMUX_WORKERS", "2"))


@asynccontextmanager
async def serving(directory: Path, configuration: Path, workers: int) -> AsyncIterator[tuple[str, int]]:
    """So many workers; gives their address and the process that started them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "feedmux", "serve", "--port", "0", "--workers", str(workers), "--config", str(configuration)),
        env=environment(directory, [NAME]),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(40):
            told = (await process.stdout.readline()).decode()
        yield told.split()[-1], process.pid
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def load(url: str, prefix: str, seconds: float) -> Counter[int]:
    """Callers on connections of their own, each with symbols of its own."""
    clock, statuses = SystemClock(), Counter[int]()

    async def caller(place: int) -> None:
        number = 0
        while True:
            number += 1
            network = Network()
            try:
                path = f"/v1/quotes?symbols={prefix}C{place}N{number}"
                statuses[(await network.send(Outgoing(url + path, inside=True))).status] += 1
            except Exception:
                statuses[0] += 1
            finally:
                await network.aclose()
            await clock.sleep(0.02)

    callers = [asyncio.create_task(caller(place)) for place in range(8)]
    await clock.sleep(seconds)
    for one in callers:
        one.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return statuses


async def test_workers_keep_to_one_quota_though_one_is_killed_in_the_middle(tmp_path: Path) -> None:
    upstream, seconds = Metered(Chance(1).generator("upstream")), 5.0
    await upstream.start()
    configuration = prepared(tmp_path, upstream)
    async with serving(tmp_path, configuration, WORKERS) as (url, parent):
        await SystemClock().sleep(1.5)
        workers = children(parent)
        assert len(workers) == WORKERS
        before = await load(url, "A", seconds)
        asked = len(upstream.arrivals)
        os.kill(workers[0], signal.SIGKILL)
        after = await load(url, "B", seconds)
        again = children(parent)
    upstream.stop()
    print(f"{WORKERS} workers: {asked} upstream requests in {seconds} s, {dict(before)}; then {dict(after)}")

    assert upstream.above() == 0
    assert asked >= 0.7 * seconds / 3.0 * WINDOWS[3.0]
    assert after[200] > 0
    assert len(again) == WORKERS
    assert not any(running(one) for one in {*workers, *again})


async def test_what_one_worker_was_told_the_others_answer_too(tmp_path: Path) -> None:
    upstream = Metered(Chance(1).generator("upstream"))
    await upstream.start()
    configuration = prepared(tmp_path, upstream)
    async with serving(tmp_path, configuration, 2) as (url, _):
        await SystemClock().sleep(1.5)
        network = Network()
        first = await network.send(Outgoing(url + "/v1/quotes?symbols=BTC", inside=True))
        await network.aclose()
        await SystemClock().sleep(1.5)
        for _ in range(10):
            network = Network()
            other = await network.send(Outgoing(url + "/v1/quotes?symbols=BTC", inside=True))
            await network.aclose()
            assert json.loads(other.body)["items"][0]["price"] == json.loads(first.body)["items"][0]["price"]
    upstream.stop()

    assert len(upstream.arrivals) == 1


@pytest.mark.parametrize(
    ("section", "words"),
    [('[store]\nurl = "memory:"\n', "is not shared"), ('[engine]\nsandbox = "on"\n', "sandbox")],
)
async def test_workers_without_a_shared_store_are_refused(tmp_path: Path, section: str, words: str) -> None:
    (tmp_path / "feedmux.toml").write_text(section)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "feedmux", "serve", "--port", "0", "--workers", "2"),
        env=environment(tmp_path, ["none"]),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(20):
            _, told = await process.communicate()
    finally:
        if process.returncode is None:  # it was not refused
            process.terminate()

    assert process.returncode != 0
    assert words in told.decode()
