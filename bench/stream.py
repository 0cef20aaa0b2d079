"""A thousand stream clients of 50 symbols on one server: messages, delays and memory; then 50 of them stop reading.

The upstream gives the moment as the price, so that each message says when it was true. Clients run in processes of
their own on the same cores: their CPU is part of every delay.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psutil

from bench.cached import ended, free_port

CLIENTS, SYMBOLS, SILENT, FEW = 1000, 50, 50, 50
EVERY = 1.25
"""Seconds between two changes of every price."""


class Child:
    """A process that is told on standard input and answers on standard output, a line each."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


class Bench:
    """The server and its upstream."""

    def __init__(self, port: int, server: psutil.Process) -> None:
        self.port = port
        self.server = server
        symbols = ",".join(f"S{n}" for n in range(SYMBOLS))
        self._ask = f"http://127.0.0.1:{port}/v1/quotes?symbols={symbols}&max_age=1"

    def memory(self) -> float:
        """The server's, in MB."""
        resident: int = self.server.memory_info().rss
        return resident / 1e6

    @contextmanager
    def clients(self, groups: Sequence[tuple[int, str]], options: str = "") -> Iterator[list[Child]]:
        """So many clients of each kind, connected."""
        url = f"ws://127.0.0.1:{self.port}/v1/stream{options}"
        with ExitStack() as stack:
            children = []
            for count, kind in groups:
                child = Child("bench.stream_clients", url, str(count), str(SYMBOLS), kind)
                stack.enter_context(ended(child.process))
                children.append(child)
            for child in children:
                assert child.hear() == "ready"
            yield children

    def cpu(self) -> float:
        """Seconds of CPU that the server has spent."""
        spent = self.server.cpu_times()
        total: float = spent.user + spent.system
        return total

    def measure(self, children: Sequence[Child], seconds: float, every: float) -> str:
        """Change every price again and again, and say how messages came."""
        spent = self.cpu()
        for child in children:
            child.tell("go")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            with urllib.request.urlopen(self._ask) as reply:
                reply.read()
            time.sleep(max(0.0, began + every - time.monotonic()))
        found: Counter[int] = Counter()
        for child in children:
            child.tell("stop")
            for delay, count in json.loads(child.hear())["delays"].items():
                found[int(delay)] += count
        spent = (self.cpu() - spent) / found.total() * 1e6
        return (
            f"{found.total() / seconds:,.0f} messages a second, from the upstream to the client "
            f"p50 {percentile(found, 0.5)} ms, p99 {percentile(found, 0.99)} ms, {spent:.0f} us of the server's CPU each"
        )


def percentile(delays: Counter[int], share: float) -> int:
    """The milliseconds within which that share of the messages came."""
    left = share * delays.total()
    for delay in sorted(delays):
        left -= delays[delay]
        if left <= 0:
            return delay
    return max(delays, default=0)


def run(bench: Bench) -> None:
    """All that is measured, on one server."""
    half, before = (CLIENTS // 2, "reading"), bench.memory()
    with bench.clients([half, half], "?batch=true") as children:
        each = (bench.memory() - before) * 1000 / CLIENTS
        told = bench.measure(children, 10.0, EVERY)
    print(f"stream: {CLIENTS} clients of {SYMBOLS} symbols that change every {EVERY:g} s, in batches: {told}")
    print(f"stream: {each:.0f} kB of the server's memory a client")
    groups = [(CLIENTS // 2 - SILENT, "reading"), half, (SILENT, "silent")]
    with bench.clients(groups, "?batch=true") as children:
        held = bench.memory()
        told = bench.measure(children[:2], 12.0, EVERY)
        grown = bench.memory() - held
    print(f"stream: the same, {SILENT} of them never reading: {told}; memory {grown:+.1f} MB")
    with bench.clients([(FEW, "reading")]) as children:
        told = bench.measure(children, 6.0, EVERY)
    print(f"stream: {FEW} clients of {SYMBOLS} symbols, a frame for each message: {told}")


def main() -> None:
    """Start the upstream and the server, measure, stop them."""
    upstream = Child("bench.stream_upstream")
    port = free_port()
    server = Child("bench.stream_server", str(port), upstream.hear())
    with ended(server.process) as process:
        assert server.hear() == "listens"
        run(Bench(port, process))
    assert upstream.process.stdin is not None
    upstream.process.stdin.close()
    print(f"stream: {upstream.hear()} upstream connection(s) for all of it")
    upstream.process.wait(timeout=15)


if __name__ == "__main__":
    main()
