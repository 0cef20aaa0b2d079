"""A command asks the server that it was pointed at, and follows it nowhere: not with a question, not with the admin token."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.system.distributions import environment
from tests.system.upstream import response

pytestmark = pytest.mark.anyio
TOKEN = "CANARY-admin-token"


class Elsewhere:
    """Two servers: `url` sends everybody on to the other, which keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.asked = 0

    async def __aenter__(self) -> Elsewhere:
        self._other = await asyncio.start_server(self._hear, "127.0.0.1", 0)
        self._first = await asyncio.start_server(self._send_on, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._first.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._other.close()
        self._first.close()

    async def _send_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        place = f"http://127.0.0.1:{self._other.sockets[0].getsockname()[1]}/"
        writer.write(response(302, b"", [("location", place), ("connection", "close")]))
        writer.close()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response(200, b"{}", [("connection", "close")]))
        writer.close()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    async with Elsewhere() as servers:
        yield servers


@pytest.mark.parametrize("words", ["reload", "get gas", "providers"])
async def test_a_server_that_sends_a_command_elsewhere_is_not_followed(
    tmp_path: Path, elsewhere: Elsewhere, words: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "feedmux", "--server", elsewhere.url, *words.split()),
        env=environment(tmp_path, []) | {"FEEDMUX_ADMIN_TOKEN": TOKEN},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        told = b"".join(await process.communicate())
    assert process.returncode != 0
    assert elsewhere.asked == 1
    assert elsewhere.heard == []
    assert b"302" in told
    assert TOKEN.encode() not in told
