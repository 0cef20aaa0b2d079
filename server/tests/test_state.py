"""Providers, quotas and explanations."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux import UpstreamDown
from feedmux.virtual import virtual_clock

pytestmark = pytest.mark.anyio


async def test_providers_are_told_with_their_states(client: Any) -> None:
    before = (await client.get("/v1/providers")).json()
    await client.get("/v1/quotes?symbols=BTC")
    after = (await client.get("/v1/providers")).json()
    assert before["sandbox"] is False
    assert [(one["name"], one["state"]) for one in before["providers"]] == [("alpha", "unknown")]
    assert after["providers"][0]["state"] == "open"
    assert after["providers"][0]["capabilities"] == ["quotes", "candles", "rainfall", "taken", "crooked"]


async def test_telling_the_state_asks_no_upstream(client: Any, wire: Any) -> None:
    for path in ("/v1/providers", "/v1/quota", "/api/health", "/api/system/status", "/docs"):
        assert (await client.get(path)).status_code == 200
    assert wire.asked == []


async def test_an_explanation_holds_every_step(client: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    await virtual_clock().sleep(2)
    told = (await client.get("/v1/explain/quotes?symbols=BTC&max_age=1")).json()
    assert told["answer"]["items"][0]["symbol"] == "BTC"
    assert told["error"] is None
    events = [step["event"] for step in told["trace"]]
    assert events[0] == "cached"
    assert "tried" in events
    assert events[-1] == "answered"


async def test_a_failure_is_explained(client: Any, wire: Any) -> None:
    wire.error = UpstreamDown("broke the connection")
    reply = await client.get("/v1/explain/quotes?symbols=BTC")
    told = reply.json()
    assert reply.status_code == 200
    assert told["answer"] is None
    assert told["error"]["status"] == 503
    assert told["error"]["type"].startswith("urn:feedmux:problem:")
    assert [step["result"] for step in told["trace"] if step["event"] == "tried"] == ["down"]


async def test_a_dry_explanation_asks_nobody(client: Any, wire: Any) -> None:
    told = (await client.get("/v1/explain/quotes?symbols=BTC&dry=true")).json()
    assert (told["answer"], told["error"]) == (None, None)
    assert [step["event"] for step in told["trace"]] == ["cached", "considered"]
    assert wire.asked == []


async def test_the_ledger_counts_what_was_spent(client: Any) -> None:
    for spent in (0, 1):
        row = (await client.get("/v1/quota")).json()["quota"][0]
        assert (row["pool"], row["limit"], row["per"]) == ("alpha", 600, 60.0)
        assert (row["used"], row["left"]) == (spent, 600 - spent)
        await client.get("/v1/quotes?symbols=BTC")
