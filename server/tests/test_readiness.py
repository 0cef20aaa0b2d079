"""Alive and ready: what those are told that start, stop and balance the server."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux import UpstreamDown

pytestmark = pytest.mark.anyio


async def test_a_server_whose_engine_is_open_is_alive_and_ready(client: Any) -> None:
    for path, status in (("/livez", "alive"), ("/readyz", "ready")):
        reply = await client.get(path)
        assert (reply.status_code, reply.json()) == (200, {"status": status})
        assert reply.headers["cache-control"] == "no-store"


async def test_a_server_that_is_stopping_is_alive_but_not_ready(client: Any) -> None:
    client.app.state.readiness.ready = False
    assert (await client.get("/livez")).status_code == 200
    reply = await client.get("/readyz")
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert reply.json()["type"] == "urn:feedmux:problem:not-ready"


async def test_a_server_whose_engine_is_closed_is_not_ready(serving: Any) -> None:
    async with serving() as client:
        app = client.app
        assert app.state.readiness.ready
    assert not app.state.readiness.ready


async def test_an_outage_of_the_providers_makes_it_neither_dead_nor_unready(client: Any, wire: Any) -> None:
    wire.error = UpstreamDown("broke the connection")
    for symbol in "ABCDEFG":
        await client.get(f"/v1/quotes?symbols={symbol}")
    wire.asked.clear()
    assert [(await client.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
    assert wire.asked == []
