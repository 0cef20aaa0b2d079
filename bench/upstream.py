"""The smallest upstream that can be asked: one HTTP/1.1 server on loopback, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BODY = json.dumps([{"symbol": "BTC", "price": 67_500.25}]).encode()
REPLY = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
    + str(len(BODY)).encode()
    + b"\r\n\r\n"
    + BODY
)
SHAKY = "/shaky"
"""Requests under this path are answered 500, two of three."""
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give the same body to every request, over kept connections."""
    shaky = 0
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            is_shaky = head.startswith(b"GET " + SHAKY.encode())
            shaky += is_shaky
            writer.write(BROKEN if is_shaky and shaky % 3 else REPLY)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@contextmanager
def running() -> Iterator[int]:
    """Its port, for as long as the block lasts."""
    command = [sys.executable, "-m", "bench.upstream"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


async def main() -> None:
    """Print the port, then serve until standard input ends."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
