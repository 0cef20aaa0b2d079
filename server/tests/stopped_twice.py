"""A server that is told to stop, and again while it writes its last lines: `python stopped_twice.py`."""

from __future__ import annotations

import os
import signal

from feedmux import Settings
from feedmux_server import create_app
from feedmux_server.listener import free
from feedmux_server.runner import run


def stop() -> None:
    """As an impatient supervisor, or a person at the keyboard, does."""
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    run(create_app(Settings(), plugins={}, extensions={}), free("127.0.0.1", 0), lambda _: stop(), stop)
