"""A server whose one provider takes its time: `python slow.py PORT SECONDS`."""

from __future__ import annotations

import sys
from typing import Any

from feedmux import FearGreed, Limits, SentimentIndex, Settings, Terms, hookimpl
from feedmux.clock import SystemClock
from feedmux.settings import EngineSettings
from feedmux_server import create_app
from feedmux_server.listener import free
from feedmux_server.runner import run


class Slow:
    """Answers after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return Limits(weight=1, serves={FearGreed: Terms(ttl=1)})

    @hookimpl
    async def feedmux_fetch(self, asked: Any, http: Any) -> list[SentimentIndex]:
        print("asked", flush=True)
        await SystemClock().sleep(self._seconds)
        return [SentimentIndex(value=50, classification="neutral")]


def main(port: int, seconds: float) -> None:
    settings = Settings(engine=EngineSettings(deadline=60))
    app = create_app(settings, plugins={"slow": Slow(seconds)}, extensions={})
    run(app, free("127.0.0.1", port), lambda _: print("listens", flush=True))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
