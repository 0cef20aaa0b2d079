"""An upstream on loopback whose every price is the moment it was given, so that whoever gets one knows its delay."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import parse_qs, urlsplit

connections = 0


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give each symbol asked for the machine's monotonic time, in seconds, as its price."""
    global connections
    connections += 1
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            target = urlsplit(head.split(b" ", 2)[1].decode())
            symbols = parse_qs(target.query).get("symbols", [""])[0].split(",")
            body = json.dumps([{"symbol": symbol, "price": time.monotonic()} for symbol in symbols]).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ")
            writer.write(b"%d\r\n\r\n%b" % (len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    """Print the port, then serve until standard input ends; then print how many connections there were."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(connections, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
