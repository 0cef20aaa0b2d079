"""A server whose event loop is blocked and flooded with wake-ups while it is told to stop: `python flooded.py`."""

from __future__ import annotations

import asyncio
import os
import signal
from threading import Thread

from litestar import Litestar

from feedmux import Settings
from feedmux_server import create_app
from feedmux_server.listener import free
from feedmux_server.runner import run


def flood(app: Litestar) -> None:
    """More wake-ups than the loop's pipe holds, then SIGTERM, all before the loop runs again."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        for _ in range(100_000):
            loop.call_soon_threadsafe(lambda: None)

    thread = Thread(target=wake)
    thread.start()
    thread.join()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    run(create_app(Settings(), plugins={}, extensions={}), free("127.0.0.1", 0), flood)
