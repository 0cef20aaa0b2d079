"""Shedding: so many questions wait, no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from feedmux_server import desk

pytestmark = pytest.mark.anyio


async def test_questions_beyond_the_room_are_refused_at_once(
    serving: Any, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.Desk.__init__, "__defaults__", (4,))
    async with serving() as client:
        await client.get("/v1/quotes?symbols=BTC")
        await client.get("/v1/quotes?symbols=BTC")
        wire.seconds = 1.0
        waiting = [asyncio.create_task(client.get(f"/v1/candles/C{n}")) for n in range(4)]
        while len(wire.asked) < 5:
            await asyncio.wait(waiting, timeout=0.01)
        refused = await client.get("/v1/candles/C9")
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["type"] == "urn:feedmux:problem:overloaded"
        assert (await client.get("/v1/explain/candles?symbol=C9")).status_code == 503
        for path in ("/v1/quotes?symbols=BTC", "/v1/providers", "/api/health"):
            assert (await client.get(path)).status_code == 200
        assert [reply.status_code for reply in await asyncio.gather(*waiting)] == [200] * 4
        assert (await client.get("/v1/candles/C9")).status_code == 200


async def test_a_question_that_fails_gives_its_place_back(
    serving: Any, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.Desk.__init__, "__defaults__", (1,))
    async with serving() as client:
        for _ in range(3):
            assert (await client.get("/v1/quotes?symbols=NOPE")).status_code == 404
