"""Cached answers a second of two and four workers on one state file, against one: `python -m bench.workers [valkey://…]`.

With a store's URL the workers share that instead of a file.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.system.distributions import environment
from tests.system.metered import NAME, Metered, prepared

from bench import load
from bench.cached import ended
from feedmux.clock import Chance, SystemClock

COUNTS = (1, 2, 4)
ROUNDS = 5
TARGET = "/v1/quotes?symbols=BTC"
SETTLED = 12.0
"""Seconds until every worker has its shares, also on a store that has just begun."""


def serve(count: int, folder: Path, upstream: Metered, store: str, stack: ExitStack) -> str:
    """So many workers; gives their address."""
    folder.mkdir()
    configuration = prepared(folder, upstream)
    if store:
        section = f'\n[store]\nurl = "{store}"\nnamespace = "workers{count}"\n'
        configuration.write_text(configuration.read_text() + section)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "feedmux", "serve", "--port", "0"),
            *("--workers", str(count), "--config", str(configuration)),
        ],
        env=environment(folder, [NAME]),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    stack.enter_context(ended(process))
    while "listens" not in (line := process.stdout.readline()):
        if not line:
            raise RuntimeError(f"{count} workers do not start")
    return line.split()[-1]


def rate(url: str) -> float:
    """Answers a second, the answer being in every worker's cache."""
    for _ in range(16):
        with urllib.request.urlopen(url) as reply:
            assert reply.status == 200
    return load.requests_per_second(url)


async def compared(store: str) -> None:
    """Interleave rounds and print the ratios."""
    upstream = Metered(Chance(1).generator("upstream"))
    await upstream.start()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        urls = {
            count: await asyncio.to_thread(serve, count, Path(folder) / str(count), upstream, store, stack)
            for count in COUNTS
        }
        await SystemClock().sleep(SETTLED)
        rates: dict[int, list[float]] = {count: [] for count in COUNTS}
        for _ in range(ROUNDS):
            for count, url in urls.items():
                rates[count].append(await asyncio.to_thread(rate, url + TARGET))
    await SystemClock().sleep(0.2)  # the upstream sees them go
    upstream.stop()
    where = "one Valkey" if store else "one state file"
    for count in COUNTS[1:]:
        ratios = [many / one for many, one in zip(rates[count], rates[1], strict=True)]
        print(
            f"{count} workers on {where}: {statistics.median(ratios):.2f} of one worker's cached answers a second "
            f"({min(ratios):.2f} to {max(ratios):.2f}); {ROUNDS} interleaved rounds, {load.CONNECTIONS} connections, "
            f"{load.name()} on the same {os.cpu_count()} cores"
        )


def main(given: Sequence[str] = ()) -> None:
    """On a state file, or on the store that is named."""
    asyncio.run(compared(given[0] if given else ""))


if __name__ == "__main__":
    main(sys.argv[1:])
