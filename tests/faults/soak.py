"""An hour in little: slow and failing upstreams, the real server, a thousand clients; memory and files must stay flat.

Not collected: `python -m tests.faults.soak --minutes 30 --clients 1000`. Ends with 1 where something grows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psutil
from tests.system import bodies
from tests.system.clock import ShiftedClock, real_now
from tests.system.distributions import environment, installed
from tests.system.upstream import UPSTREAMS, Upstream, answering, dropping, hanging
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from feedmux.clock import Chance, Random, SystemClock

SYMBOLS = ["BTC", "ETH", "SOL", *bodies.GENERATED[:200]]
ILLS = (answering(500), answering(429, retry_after="5"), answering(200, b"<html>"), hanging(), dropping)
WARM = 0.3
"""Share of the run after which what grows is held against the server."""
MOST_MEGABYTES, MOST_FILES, MOST_TASKS = 12.0, 20, 40
"""By how much the last third may lie above the first that counts."""
KINDS = {"http": 0.62, "reader": 0.25, "comer": 0.10, "silent": 0.03}
CENSUS = """
import asyncio
from pathlib import Path
from feedmux import hookimpl

class Census:
    def __init__(self):
        self.heard = 0

    @hookimpl
    def feedmux_event(self, event):
        self.heard += 1
        if self.heard % 50 == 0:
            Path({file!r}).write_text(str(len(asyncio.all_tasks())))

provider = Census()
"""
"""An extension that writes down how many tasks the server's loop has."""


class Sample(msgspec.Struct, frozen=True):
    """What the server's process held at one time; memory in megabytes."""

    memory: float
    files: int
    tasks: int


class Soak:
    """Clients and what they were told."""

    def __init__(self, url: str, pid: int, upstream: Upstream, census: Path, seed: int) -> None:
        self.ended: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self._stream = url.replace("http", "ws", 1) + "/v1/stream"
        self._upstream = upstream
        self._census = census
        self._chance = Chance(seed)
        self._process = psutil.Process(pid)
        self._address = urlsplit(url)

    async def run(self, minutes: float, clients: int) -> None:
        """Everybody at once, until the time is up."""
        until = real_now() + 60 * minutes
        work: list[Coroutine[Any, Any, None]] = [self._ill(), self._watch(minutes)]
        for kind, share in KINDS.items():
            for number in range(round(clients * share)):
                dice = self._chance.generator(f"{kind}/{number}")
                work.append(self._for_ever(kind, dice))
        tasks = [asyncio.create_task(one) for one in work]
        await SystemClock().sleep(until - real_now())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _for_ever(self, kind: str, dice: Random) -> None:
        client = {"http": self._http, "reader": self._reader, "comer": self._comer, "silent": self._silent}
        await SystemClock().sleep(dice.uniform(0, 20))
        while True:
            try:
                await client[kind](dice)
            except (OSError, EOFError, WebSocketException, TimeoutError) as error:
                self.ended[f"{kind}: {type(error).__name__}"] += 1
            await SystemClock().sleep(dice.uniform(0.5, 3))

    async def _http(self, dice: Random) -> None:
        """Asks again and again over one connection."""
        host, port = self._address.hostname, self._address.port
        reader, writer = await asyncio.open_connection(host, port)
        try:
            for _ in range(dice.randint(1, 30)):
                if reader.at_eof():
                    self.ended["idle too long"] += 1  # the server ends what says nothing for ten seconds
                    break
                names = ",".join(dice.sample(SYMBOLS, dice.choice([1, 1, 1, 3, 20])))
                head = f"GET /v1/quotes?symbols={names} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n"
                writer.write(head.encode())
                async with asyncio.timeout(15):
                    self.ended[f"http {await _status(reader)}"] += 1
                await SystemClock().sleep(dice.uniform(2, 12))
        finally:
            writer.transport.abort()

    async def _reader(self, dice: Random) -> None:
        """Listens for a minute or more and reads all of it."""
        async with connect(self._stream, ping_interval=None) as socket:
            await socket.send(_subscription(dice.sample(SYMBOLS, 5)))
            with suppress(TimeoutError):
                async with asyncio.timeout(dice.uniform(60, 180)):
                    async for _ in socket:
                        self.ended["messages"] += 1

    async def _comer(self, dice: Random) -> None:
        """Comes, takes a message and leaves without a word."""
        socket = await connect(self._stream, ping_interval=None)
        try:
            await socket.send(_subscription(dice.sample(SYMBOLS, 3)))
            async with asyncio.timeout(10):
                await socket.recv()
            self.ended["came and left"] += 1
        finally:
            socket.transport.abort()

    async def _silent(self, dice: Random) -> None:
        """Asks for more than the sockets hold and never reads; after two minutes it is still there or was closed."""
        socket = await connect(self._stream, ping_interval=None, max_queue=1)
        try:
            for number in range(30):
                await socket.send(_candles(number))
                await SystemClock().sleep(0.1)
            await SystemClock().sleep(120)
            self.ended["never read"] += 1
        finally:
            socket.transport.abort()

    async def _ill(self) -> None:
        """Prices move every second; every ten, one upstream falls ill and another is slow."""
        dice, second = self._chance.generator("ills"), 0
        while True:
            for symbol in SYMBOLS:
                bodies.PRICES[symbol] *= dice.uniform(0.999, 1.001)
            if second % 10 == 0:
                self._upstream.heals(*UPSTREAMS)
                sick, slow = dice.sample(list(UPSTREAMS), 2)
                self._upstream.fails(sick, dice.choice(ILLS))
                self._upstream.takes(slow, dice.uniform(0.1, 2))
                self._upstream.forget()
            second += 1
            await SystemClock().sleep(1)

    async def _watch(self, minutes: float) -> None:
        """A sample every ten seconds, a line every minute."""
        print("minute  memory  files  tasks  since the last line", flush=True)
        before = Counter[str]()
        for number in range(1, round(minutes * 6) + 1):
            await SystemClock().sleep(10)
            self.samples.append(self.sample())
            if number % 6 == 0:
                latest = self.samples[-6:]
                told = ", ".join(f"{name} {n:,}" for name, n in sorted((self.ended - before).items()))
                print(f"{number // 6:6}  {_middle(latest)}  {told}", flush=True)
                before = self.ended.copy()

    def sample(self) -> Sample:
        """What the server holds now."""
        tasks = int(self._census.read_text() or 0) if self._census.exists() else 0
        return Sample(self._process.memory_info().rss / 1e6, self._process.num_fds(), tasks)


def _middle(samples: Sequence[Sample]) -> str:
    memory, files, tasks = (median(getattr(s, name) for s in samples) for name in Sample.__struct_fields__)
    return f"{memory:6.1f}  {files:5.0f}  {tasks:5.0f}"


async def _status(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(line for line in head.splitlines() if line.startswith("content-length:"))
    await reader.readexactly(int(length.partition(":")[2]))
    return head.split(" ")[1]


def _subscription(symbols: Sequence[str]) -> str:
    return json.dumps(
        {"type": "subscribe", "id": "1", "capability": "quotes", "params": {"symbols": symbols}}
    )


def _candles(number: int) -> str:
    params = {"symbol": "BTC", "limit": 940 + number}
    return json.dumps({"type": "subscribe", "id": f"{number}", "capability": "candles", "params": params})


def grown(samples: Sequence[Sample]) -> list[str]:
    """What the last third of what counts holds more than the first third, beyond what is allowed."""
    counted = samples[int(len(samples) * WARM) :]
    third = max(1, len(counted) // 3)
    found = []
    for name, most in zip(Sample.__struct_fields__, (MOST_MEGABYTES, MOST_FILES, MOST_TASKS), strict=True):
        first, last = (
            median(getattr(sample, name) for sample in some) for some in (counted[:third], counted[-third:])
        )
        print(f"{name}: {first:.1f} at first, {last:.1f} at last ({last - first:+.1f}, {most:g} allowed)")
        if last - first > most:
            found.append(f"{name} grew by {last - first:.1f}")
    return found


async def served(
    folder: Path, upstream: Upstream, plugins: Sequence[str]
) -> tuple[str, asyncio.subprocess.Process]:
    """A server and its address; what it logs goes to a file, since a pipe that nobody reads would stop it."""
    sections = [f'[providers.{name}]\nbase_url = "{upstream.base_url(name)}"\n' for name in UPSTREAMS]
    configuration = folder / "feedmux.toml"
    configuration.write_text("[engine]\ndeadline = 4.0\n" + "".join(sections))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "feedmux", "serve", "--port", "0", "--config", str(configuration)),
            env=environment(folder, plugins),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    told = (await process.stdout.readline()).decode()
    return told.split()[-1], process


async def soak(minutes: float, clients: int, seed: int, folder: Path) -> int:
    """The whole run; 1 where something grew or stayed behind."""
    census = folder / "tasks"
    installed(folder, "census", CENSUS.format(file=str(census)))
    entry = next(folder.glob("dist_census*/entry_points.txt"))
    entry.write_text(entry.read_text().replace("feedmux.providers", "feedmux.extensions"))
    upstream = Upstream(ShiftedClock())
    await upstream.start()
    plugins = [*UPSTREAMS, "census"]
    url, server = await served(folder, upstream, plugins)
    run = Soak(url, server.pid, upstream, census, seed)
    try:
        await SystemClock().sleep(5)
        before = run.sample()
        await run.run(minutes, clients)
        await SystemClock().sleep(15)
        after = run.sample()
    finally:
        server.terminate()
        code = await server.wait()
    await upstream.stop()
    found = grown(run.samples)
    print(f"open files before the first client {before.files}, after the last {after.files}")
    if after.files > before.files + MOST_FILES:
        found.append("connections stayed open after everybody had left")
    log = (folder / "log").read_text()
    if code != 0 or "Traceback" in log:
        found.append(f"the server ended with {code}: {log[-2000:]}")
    answered = sum(count for name, count in run.ended.items() if name.startswith("http 2"))
    print(f"{minutes:g} minutes, {clients} clients: {answered:,} answered, {dict(run.ended)}")
    print("; ".join(found) or "nothing grew")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.environ.pop("FEEDMUX_CONFIG", None)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(soak(given.minutes, given.clients, given.seed, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
