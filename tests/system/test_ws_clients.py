"""Clients of both WebSockets on a server that is a process of its own: sockets, silence and SIGTERM are real."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from feedmux.clock import SystemClock

from .bodies import PRICES
from .clock import elapsed_since, real_now, until
from .old_client import ALIVE, talk
from .serving import Serving, serving
from .upstream import UPSTREAMS, Upstream, answering

pytestmark = pytest.mark.anyio
DEADLINE = 2.0


def ws(server: Serving, path: str) -> str:
    return server.url.replace("http", "ws", 1) + path


def subscribe(*symbols: str) -> str:
    return json.dumps(
        {"type": "subscribe", "id": "1", "capability": "quotes", "params": {"symbols": symbols}}
    )


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of that type."""
    async with asyncio.timeout(20):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message.get("type") == kind:
                return message


async def silent(server: Serving) -> ClientConnection:
    """A client that asks for much more than the sockets' buffers hold and never reads."""
    socket = await connect(ws(server, "/v1/stream"), max_queue=1, ping_interval=None)
    for number in range(60):
        params = {"symbol": "BTC", "limit": 940 + number}
        await socket.send(
            json.dumps({"type": "subscribe", "id": f"{number}", "capability": "candles", "params": params})
        )
        await SystemClock().sleep(0.055)
    return socket


async def close_of(socket: ClientConnection) -> int | None:
    """The code that a client is closed with."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_50_clients_of_one_price_cost_one_upstream_request(tmp_path: Path, upstream: Upstream) -> None:
    async with serving(tmp_path, upstream, deadline=DEADLINE) as server:
        await server.get("/v1/quotes?symbols=SOL")
        upstream.forget()
        sockets = [await connect(ws(server, "/v1/stream")) for _ in range(50)]
        for socket in sockets:
            await socket.send(subscribe("BTC"))
        snapshots = [await told(socket, "snapshot") for socket in sockets]
        for socket in sockets:
            await socket.close()
    assert {snapshot["items"][0]["price"] for snapshot in snapshots} == {PRICES["BTC"]}
    assert len(upstream.arrivals) == 1


async def test_pages_of_other_sites_and_other_names_are_refused(tmp_path: Path, upstream: Upstream) -> None:
    async with serving(tmp_path, upstream, deadline=DEADLINE) as server:
        for path in ("/ws", "/v1/stream"):
            async with connect(ws(server, path), origin=server.url):  # type: ignore[arg-type]
                pass
            for wrong in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
                with pytest.raises(InvalidStatus) as refused:
                    async with connect(ws(server, path), additional_headers=wrong):
                        pass
                assert refused.value.response.status_code in (400, 403)


async def test_sigterm_ends_a_server_with_20_clients_of_which_5_never_read(
    tmp_path: Path, upstream: Upstream
) -> None:
    async with serving(tmp_path, upstream, deadline=DEADLINE) as server:
        stuck = await asyncio.gather(*(silent(server) for _ in range(5)))
        paths = ["/ws", "/v1/stream", "/v1/stream"] * 5
        reading = [await connect(ws(server, path)) for path in paths]
        for socket, path in zip(reading, paths, strict=True):
            if path == "/v1/stream":
                await socket.send(subscribe("BTC", "ETH"))
                await told(socket, "snapshot")
        codes = [asyncio.create_task(close_of(socket)) for socket in reading]
        began = real_now()
    took = elapsed_since(began)
    assert server.returncode == 0, server.log
    assert took < 4.0
    assert {await code for code in codes} == {1001}
    assert len(stuck) == 5
    for socket in stuck:
        socket.transport.abort()
    assert "Traceback" not in server.log
    print(f"SIGTERM with 20 clients, 5 of them silent: ended after {took:.1f} s")


@pytest.mark.long
async def test_clients_that_never_read_are_closed_and_memory_stays_as_it_is(
    tmp_path: Path, upstream: Upstream
) -> None:
    async with serving(tmp_path, upstream, deadline=DEADLINE) as server:
        process = psutil.Process(server.pid)
        stuck = await asyncio.gather(*(silent(server) for _ in range(5)))
        before = process.memory_info().rss
        async with connect(ws(server, "/v1/stream")) as other:
            await other.send(subscribe("BTC"))
            await told(other, "snapshot")
            await told(other, "update")
            await SystemClock().sleep(2)
            grown = (process.memory_info().rss - before) / 1e6
        for socket in stuck:
            socket.transport.abort()
    print(f"5 silent clients: memory {grown:+.1f} MB over 12 s")
    assert server.log.count('"code":1013,"reason":"messages are not read"') == 5
    assert grown < 10


async def test_40_clients_that_leave_without_a_word_are_forgotten(tmp_path: Path, upstream: Upstream) -> None:
    async with serving(tmp_path, upstream, deadline=DEADLINE) as server:
        process = psutil.Process(server.pid)
        before = process.num_fds()
        for _ in range(2):
            sockets = [await connect(ws(server, "/v1/stream")) for _ in range(20)]
            for socket in sockets:
                await socket.send(subscribe("BTC", "ETH", "SOL"))
                await told(socket, "snapshot")
            for socket in sockets:
                socket.transport.abort()
        await until(lambda: process.num_fds() <= before + 5, seconds=10)
    assert server.log.count('"stream closed"') == 40
    assert "Traceback" not in server.log


async def test_an_old_client_is_served_word_for_word_through_an_outage(
    tmp_path: Path, upstream: Upstream
) -> None:
    async with serving(tmp_path, upstream, deadline=DEADLINE) as server:
        for name in UPSTREAMS:
            upstream.fails(name, answering(500))
        talking = asyncio.create_task(talk(ws(server, "/ws"), 20.0, ["BTC", "ETH"]))
        await SystemClock().sleep(2.0)
        upstream.heals(*UPSTREAMS)
        told_of = await talking
    print(told_of)
    assert told_of["wrong"] == []
    assert told_of["prices"] == {"BTC": PRICES["BTC"], "ETH": PRICES["ETH"]}
    old = {"Invalid JSON format", "Symbol is required for subscription", "Unknown message type: dance"}
    assert old < told_of["errors"].keys()
    assert told_of["counts"]["subscribed"] == told_of["counts"]["unsubscribed"] == 2
    assert told_of["shortest_gap"] > 0.2
    assert told_of["longest_gap"] < ALIVE
