"""Killed at any moment, the server starts again and knows what it knew: backoffs, quotas, answers.

FEEDMUX_KILLS=200 kills as often; it is 5 times otherwise.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from feedmux.clock import Chance, Random, SystemClock
from feedmux.transport import Network, Outgoing

from .distributions import environment
from .metered import NAME, Metered, prepared

pytestmark = pytest.mark.anyio
KILLS = int(os.environ.get("FEEDMUX_KILLS", "5"))
SETTLED = 0.15
"""Seconds after which an answer that was given must have been written."""


class Life:
    """One server from its start to its kill, and the answers it gave: symbol to price and when."""

    def __init__(self, directory: Path, configuration: Path) -> None:
        self._directory = directory
        self._configuration = configuration
        self._clock = SystemClock()
        self._network = Network()
        self.answered: dict[str, tuple[float, float]] = {}

    async def begin(self) -> float:
        """Start; gives the seconds until it listened."""
        began = self._clock.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "feedmux", "serve", "--port", "0", "--config", str(self._configuration)),
            env=environment(self._directory, [NAME]),
            cwd=self._directory,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            told = (await self._process.stdout.readline()).decode()
        assert " on http" in told, "it does not start"
        self._url = told.split()[-1]
        return self._clock.monotonic() - began

    async def ask(self, symbol: str) -> tuple[float, bool] | None:
        """The price and whether it is stale; None where there was none."""
        answer = await self._network.send(Outgoing(f"{self._url}/v1/quotes?symbols={symbol}", inside=True))
        if answer.status != 200:
            return None
        (item,) = json.loads(answer.body)["items"]
        self.answered.setdefault(symbol, (item["price"], self._clock.monotonic()))
        return item["price"], item["stale"]

    async def load(self, prefix: str, seconds: float, chance: Random) -> None:
        """Twelve callers with symbols of their own, until it is over."""

        async def caller(place: int) -> None:
            number = 0
            while True:
                number += 1
                await self.ask(f"{prefix}C{place}N{number}")
                await self._clock.sleep(chance.uniform(0.0, 0.05))

        callers = [asyncio.create_task(caller(place)) for place in range(12)]
        await self._clock.sleep(seconds)
        for one in callers:
            one.cancel()
        await asyncio.gather(*callers, return_exceptions=True)

    async def kill(self) -> float:
        """End it as no process can help; gives the instant."""
        self._process.kill()
        at = self._clock.monotonic()
        await self._process.wait()
        await self._network.aclose()
        return at


async def test_a_server_that_is_killed_forgets_no_backoff_no_quota_and_no_answer(tmp_path: Path) -> None:
    chance = Chance(KILLS).generator("kills")
    upstream = Metered(chance, refuses=0.01)
    await upstream.start()
    configuration = prepared(tmp_path, upstream)
    starts, lost, checked, kills = list[float](), 0, 0, list[float]()
    before: dict[str, float] = {}
    for round_ in range(KILLS):
        life = Life(tmp_path, configuration)
        starts.append(await life.begin())
        for symbol, price in before.items():
            checked += 1
            lost += (again := await life.ask(symbol)) is None or again[0] != price
        life.answered.clear()
        loading = asyncio.create_task(life.load(f"R{round_}", chance.uniform(0.2, 1.5), chance))
        await loading
        killed = await life.kill()
        kills.append(killed)
        given = [(s, price) for s, (price, at) in life.answered.items() if at < killed - SETTLED]
        before = dict(chance.sample(given, min(len(given), 20)))
    upstream.stop()
    starts.sort()
    print(
        f"{KILLS} kills, {len(upstream.arrivals)} requests, {len(upstream.refused_at)} refusals; "
        f"inside a backoff {len(upstream.inside)}, above a quota {upstream.above()}; "
        f"answers lost {lost} of {checked}; start median {starts[len(starts) // 2]:.2f} s, most {starts[-1]:.2f} s"
    )
    assert checked > 0
    assert (len(upstream.inside), upstream.above(), lost) == (0, 0, 0)
