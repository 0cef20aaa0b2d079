"""A cached answer over HTTP, against a bare Litestar handler that returns the same bytes with the same headers."""

from __future__ import annotations

import inspect
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from bench import bare, load

ROUNDS = 7
TARGETS = ("/v1/quotes?symbols=BTC,ETH", "/api/market/price?symbol=BTC")
GIVEN_BY_THE_SERVER = ("content-type", "content-length", "server", "date")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[psutil.Process]:
    """The process, and its end."""
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=15)


@contextmanager
def feedmux(port: int, *options: str) -> Iterator[psutil.Process]:
    """Our server in the sandbox, its access log thrown away."""
    command = [sys.executable, "-m", "feedmux", "serve", "--sandbox", "on", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    with ended(process) as running:
        while "listens" not in process.stdout.readline():
            pass
        yield running


@contextmanager
def same(port: int, target: str, body: bytes, headers: dict[str, str]) -> Iterator[psutil.Process]:
    """The bare handler, giving what ours just gave."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = {"path": target.partition("?")[0], "body": body.decode(), "headers": headers, "port": port}
    with ended(process) as running:
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        yield running


def measure(url: str, process: psutil.Process) -> tuple[float, float]:
    """Requests a second, and the server's CPU for one of them in microseconds."""
    before = process.cpu_times()
    rate = load.requests_per_second(url)
    after = process.cpu_times()
    spent = (after.user + after.system) - (before.user + before.system)
    return rate, spent / (rate * load.SECONDS) * 1e6


def compare(target: str, ours: int, port: int, running: psutil.Process) -> None:
    """Interleave rounds on both servers and print the ratios."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ours}{target}") as reply:
        body = reply.read()
        headers = {k: v for k, v in reply.headers.items() if k.lower() not in GIVEN_BY_THE_SERVER}
    with same(port, target, body, headers) as other:
        told = interleaved(target, (ours, running), (port, other), "the bare handler")
    print(f"cached {target}: {told}")


def interleaved(
    target: str, ours: tuple[int, psutil.Process], others: tuple[int, psutil.Process], whose: str
) -> str:
    """Rounds on both ports in turn, the first of each thrown away; what ours is of the other, in words."""
    rates, costs, rate = [], [], 0.0
    for number in range(ROUNDS + 1):
        plain, plain_cost = measure(f"http://127.0.0.1:{others[0]}{target}", others[1])
        rate, cost = measure(f"http://127.0.0.1:{ours[0]}{target}", ours[1])
        if number:
            rates.append(rate / plain)
            costs.append(plain_cost / cost)
    return (
        f"{statistics.median(rates):.2f} of the requests a second of {whose} "
        f"({min(rates):.2f} to {max(rates):.2f}), {statistics.median(costs):.2f} by the server's CPU for a request "
        f"({min(costs):.2f} to {max(costs):.2f}); {rate:.0f} a second in the last round; "
        f"{ROUNDS} interleaved rounds, {load.CONNECTIONS} connections, {load.name()} on the same cores"
    )


def with_log(target: str) -> None:
    """A server that keeps a decision log against one that keeps none."""
    ours, port = free_port(), free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        feedmux(port) as plain,
        feedmux(ours, "--decision-log", f"{folder}/log") as logging,
    ):
        told = interleaved(target, (ours, logging), (port, plain), "a server that keeps none")
    print(f"cached {target} with a decision log: {told}")


def main() -> None:
    """Both targets, and the handler that ours is held against."""
    print(inspect.getsource(bare.bare))
    port = free_port()
    with feedmux(port) as running:
        for target in TARGETS:
            compare(target, port, free_port(), running)
    with_log(TARGETS[0])


if __name__ == "__main__":
    main()
