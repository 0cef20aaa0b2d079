"""Many stream clients in one process: `python -m bench.stream_clients URL CLIENTS SYMBOLS silent|reading`.

Says `ready` once all are connected and, where they read, have every symbol; counts from `go` on standard input until
`stop`, and prints how many messages came and, by whole milliseconds, how long after the upstream gave the price.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect


class Item(Struct):
    """The price is the moment at which the upstream gave it."""

    price: float


class Message(Struct):
    """One message, of which only the prices matter."""

    items: list[Item] = []


class Counting:
    """What came while it counted."""

    def __init__(self) -> None:
        self.on = False
        self.delays: Counter[int] = Counter()
        self.waiting: set[asyncio.Future[None]] = set()

    def take(self, text: str | bytes) -> int:
        """Count a frame; gives back how many prices it held."""
        now = time.monotonic()
        raw = text if isinstance(text, bytes) else text.encode()
        messages = (
            msgspec.json.decode(raw, type=list[Message])
            if raw[:1] == b"["
            else [msgspec.json.decode(raw, type=Message)]
        )
        prices = [item.price for message in messages for item in message.items]
        if self.on:
            for price in prices:
                self.delays[math.ceil((now - price) * 1000)] += 1
        return len(prices)


async def read(url: str, asked: str, symbols: int, counting: Counting, ready: asyncio.Event) -> None:
    """One client that reads as fast as it can."""
    async with connect(url, compression=None, ping_interval=None, max_queue=64) as client:
        await client.send(asked)
        got = 0
        async for text in client:
            got += counting.take(text)
            if got >= symbols:
                ready.set()


async def be_silent(url: str, asked: str) -> ClientConnection:
    """One client that asks and never reads, its buffer as small as it can be."""
    address = urlsplit(url)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    plain.connect((address.hostname, address.port))
    plain.setblocking(False)
    client = await connect(url, sock=plain, compression=None, ping_interval=None, max_queue=1)
    await client.send(asked)
    return client


async def main(url: str, clients: int, symbols: int, silent: bool) -> None:
    """Connect, in groups; count between `go` and `stop`."""
    params = {"symbols": [f"S{n}" for n in range(symbols)]}
    asked = json.dumps({"type": "subscribe", "id": "1", "capability": "quotes", "params": params})
    counting, tasks, quiet = Counting(), [], []
    for first in range(0, clients, 50):
        ready = []
        for _ in range(first, min(clients, first + 50)):
            if silent:
                quiet.append(await be_silent(url, asked))
            else:
                ready.append(asyncio.Event())
                tasks.append(asyncio.create_task(read(url, asked, symbols, counting, ready[-1])))
        await asyncio.gather(*(one.wait() for one in ready))
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    counting.on = True
    await loop.run_in_executor(None, sys.stdin.readline)
    counting.on = False
    gone = sum(task.done() for task in tasks)
    print(json.dumps({"delays": counting.delays, "gone": gone}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "silent"))
