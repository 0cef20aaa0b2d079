"""A load of GETs over kept connections: wrk where it is installed, else a client of our own in a process of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time

CONNECTIONS, SECONDS = 32, 2.0


def name() -> str:
    """Which generator is used."""
    return "wrk -t1" if shutil.which("wrk") else "bench.load, asyncio"


def requests_per_second(url: str) -> float:
    """Answers with status 200 in a second, over CONNECTIONS connections for SECONDS."""
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:g}s", url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in told:
            raise RuntimeError(told)
        found = re.search(r"Requests/sec:\s+([\d.]+)", told)
        assert found is not None, told
        return float(found[1])
    told = subprocess.run(
        [sys.executable, "-m", "bench.load", url], capture_output=True, text=True, check=True
    ).stdout
    return float(told)


async def _client(host: str, port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    done = 0
    try:
        while time.perf_counter() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = re.search(rb"content-length: (\d+)", head.lower())
            assert length is not None
            await reader.readexactly(int(length[1]))
            done += 1
    finally:
        writer.close()
    return done


async def main(url: str) -> None:
    """Print the requests a second."""
    found = re.fullmatch(r"http://([^:/]+):(\d+)(/.*)", url)
    assert found is not None, url
    host, port, target = found[1], int(found[2]), found[3]
    request = f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    until = time.perf_counter() + SECONDS
    done = await asyncio.gather(*(_client(host, port, request, until) for _ in range(CONNECTIONS)))
    print(sum(done) / SECONDS)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
