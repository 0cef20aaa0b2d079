"""WebSocket clients whose machine is gone: no packet of the server reaches them, and nothing comes back."""

from __future__ import annotations

import asyncio
import ctypes
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from feedmux.clock import SystemClock
from feedmux_server.listener import ASKED_EVERY, Address, open_files, watch_over

from .distributions import GOOD, environment, installed
from .serving import serving
from .upstream import Upstream

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="a socket is cut off by a packet filter of Linux"),
]
SO_ATTACH_FILTER = 26
"""Of Linux's asm-generic/socket.h; Python does not name it."""
KEEPALIVE_TIMER = "02"
"""Of a connection in /proc/net/tcp, before the hundredths of a second until it runs out."""
ASKS_EVERY_SECOND = """
from feedmux import Settings
from feedmux_server.app import create_app
from feedmux_server.listener import free, watch_over
from feedmux_server import log
from feedmux_server.runner import run

log.configure()
address = free("127.0.0.1", 0)
app = create_app(Settings())

def started(_):
    watch_over(address, every=1)
    print(address.port, flush=True)

run(app, address, started)
"""


class Instruction(ctypes.Structure):
    """`struct sock_filter`."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction)))


def cut_off(client: ClientConnection) -> None:
    """Let the client's kernel drop whatever comes for it before anything acknowledges it, as a pulled cable does."""
    drop_all = (Instruction * 1)(Instruction(0x06, 0, 0, 0))  # BPF_RET | BPF_K: keep 0 bytes
    own: socket.socket = client.transport.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(Program(1, drop_all)))


@asynccontextmanager
async def asking_every_second(site: Path) -> AsyncIterator[tuple[int, asyncio.StreamReader]]:
    """A server that asks who is silent every second instead of every 20: its port, and its log."""
    installed(site, "good", GOOD)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ASKS_EVERY_SECOND),
        env=environment(site, ["good"]),
        cwd=site,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            yield int(await process.stdout.readline()), process.stderr
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.parametrize("path", ["/v1/stream", "/ws"])
async def test_a_client_whose_machine_is_gone_is_closed_after_two_misses_and_a_silent_one_is_not(
    path: str, tmp_path: Path
) -> None:
    async with asking_every_second(tmp_path) as (port, log):
        silent, dead = [
            await connect(f"ws://127.0.0.1:{port}{path}", ping_interval=None) for _ in ("silent", "dead")
        ]
        await silent.recv()
        cut_off(dead)
        ended = json.loads(await log.readline())
        while ended["event"] != "stream closed":
            ended = json.loads(await log.readline())
        assert (ended["route"], ended["reason"]) == (path, "the client left")
        assert 2 <= ended["seconds"] < 6
        await SystemClock().sleep(2)
        await silent.send('{"type": "ping"}')
        assert json.loads(await silent.recv())["type"] == "pong"
        for client in (silent, dead):
            client.transport.abort()


async def test_looking_for_the_listening_socket_leaves_no_file_open() -> None:
    before = open_files()
    watch_over(Address("127.0.0.1", 1))
    assert len(open_files()) == len(before)


async def test_a_silent_client_is_asked_within_20_seconds(tmp_path: Path, upstream: Upstream) -> None:
    async with (
        serving(tmp_path, upstream, deadline=2.0) as server,
        connect(server.url.replace("http", "ws", 1) + "/ws") as client,
    ):
        await client.recv()
        await SystemClock().sleep(0.2)
        ends = f":{int(server.url.rsplit(':', 1)[1]):04X} 0100007F:{client.local_address[1]:04X}"
        (row,) = [line for line in Path("/proc/net/tcp").read_text().splitlines() if ends in line]
        timer, left = row.split()[5].split(":")
    assert timer == KEEPALIVE_TIMER
    assert 0 < int(left, 16) / 100 <= ASKED_EVERY
