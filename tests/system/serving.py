"""`feedmux serve` as a process of its own, and a client to ask it with."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from feedmux.transport import Incoming, Network, Outgoing

from .distributions import environment
from .upstream import UPSTREAMS, Upstream


class Serving:
    """A server that listens. `log` is what it said once it has ended."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self.log = ""
        self.returncode: int | None = None
        self._network = Network()

    async def get(self, path: str) -> Incoming:
        return await self._network.send(Outgoing(self.url + path, inside=True))

    async def json(self, path: str) -> Any:
        return json.loads((await self.get(path)).body)

    async def aclose(self) -> None:
        await self._network.aclose()


@asynccontextmanager
async def serving(
    directory: Path, upstream: Upstream, *, deadline: float, plugins: Iterable[str] = tuple(UPSTREAMS)
) -> AsyncIterator[Serving]:
    """A server with these plugins, its configuration and state in that directory; ended by SIGTERM."""
    configuration = directory / "feedmux.toml"
    sections = [f'[providers.{name}]\nbase_url = "{upstream.base_url(name)}"\n' for name in UPSTREAMS]
    configuration.write_text(f"[engine]\ndeadline = {deadline}\n" + "".join(sections))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "feedmux", "serve", "--port", "0", "--config", str(configuration)),
        env=environment(directory, plugins),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(15):
            told = (await process.stdout.readline()).decode()
        if " on http" not in told:
            process.kill()
            raise AssertionError(told + (await process.communicate())[1].decode())
        server = Serving(told.split()[-1], process.pid)
        try:
            yield server
        finally:
            await server.aclose()
            process.terminate()
            async with asyncio.timeout(15):
                server.log = (await process.communicate())[1].decode()
            server.returncode = process.returncode
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
