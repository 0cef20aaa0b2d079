"""A server whose log leads nowhere, and one with hardly a file to open: both go on answering, and end as they should."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from feedmux.clock import SystemClock
from feedmux_server.listener import free

from .clock import elapsed_since, real_now
from .distributions import GOOD, environment, installed

pytestmark = pytest.mark.anyio
QUESTION = b"GET /v1/quotes?symbols=BTC HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
FILES = 48
"""Descriptors that a process is left with: an idle server has about half of them open."""


class Client:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self) -> int:
        """The status of a question that is asked now."""
        self._writer.write(QUESTION)
        async with asyncio.timeout(10):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await self._reader.readexactly(length)
        return int(head.split()[1])

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


async def connected(port: int) -> Client:
    """A connection, as soon as the server listens."""
    async with asyncio.timeout(20):
        while True:
            with suppress(OSError):
                return Client(*await asyncio.open_connection("127.0.0.1", port))
            await SystemClock().sleep(0.05)


async def started(site: Path, prepared: str, port: int) -> Process:
    """A server that a shell starts, once it has prepared descriptors or limits."""
    return await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", f'{prepared}; exec "$@"', "sh"),
        *(sys.executable, "-m", "feedmux", "serve", "--port", str(port), "--sandbox", "off"),
        env=environment(site, ["good"]),
        cwd=site,
        stdout=PIPE,
        stderr=PIPE,
    )


@asynccontextmanager
async def serving(site: Path, prepared: str) -> AsyncIterator[tuple[Process, int]]:
    """That server and its port; ended by SIGTERM, with 0 and soon."""
    installed(site, "good", GOOD)
    port = free("127.0.0.1", 0).port
    process = await started(site, prepared, port)
    try:
        await (await connected(port)).close()
        yield process, port
        began = real_now()
        process.terminate()
        async with asyncio.timeout(15):
            assert await process.wait() == 0
        assert elapsed_since(began) < 6
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # what nobody read would hold it


async def answered(port: int, times: int) -> list[int]:
    client = await connected(port)
    statuses = [await client.ask() for _ in range(times)]
    await client.close()
    return statuses


async def test_a_log_that_nobody_reads_stops_no_request_once_its_pipe_is_full(tmp_path: Path) -> None:
    fifo = tmp_path / "unread"
    async with serving(tmp_path, f'mkfifo "{fifo}"; exec 7<>"{fifo}" 2>&7') as (_, port):
        assert await answered(port, 1500) == [200] * 1500


@pytest.mark.parametrize(
    "prepared",
    ["exec >/dev/full 2>/dev/full", "exec >&- 2>&-", "exec 0<&- >&- 2>&-"],
    ids=["full", "closed", "all-closed"],
)
async def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path, prepared: str) -> None:
    async with serving(tmp_path, prepared) as (_, port):
        assert await answered(port, 20) == [200] * 20


async def test_a_log_whose_reader_has_gone_ends_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, ":") as (process, port):
        for number in (1, 2):
            process._transport.get_pipe_transport(number).close()  # type: ignore[attr-defined]
        assert await answered(port, 50) == [200] * 50


async def test_more_clients_than_files_can_be_opened_for_wait_and_nothing_spins(tmp_path: Path) -> None:
    async with serving(tmp_path, f"ulimit -n {FILES}") as (process, port):
        server = psutil.Process(process.pid)
        first = await connected(port)
        assert await first.ask() == 200
        others = [await connected(port) for _ in range(FILES)]
        await SystemClock().sleep(0.5)
        before = server.cpu_times()
        await SystemClock().sleep(1.5)
        after = server.cpu_times()
        assert (after.user + after.system) - (before.user + before.system) < 0.4
        assert server.num_fds() < FILES
        assert await first.ask() == 200
        for one in (first, *others):
            await one.close()
        assert await answered(port, 5) == [200] * 5


async def test_too_few_files_to_serve_with_are_told_at_the_start(tmp_path: Path) -> None:
    installed(tmp_path, "good", GOOD)
    process = await started(tmp_path, "ulimit -n 28", free("127.0.0.1", 0).port)
    async with asyncio.timeout(20):
        _, said = await process.communicate()
    assert process.returncode == 2
    assert "28 open files are too few to serve with" in said.decode()
