"""The native routes: one answer, its bytes, its headers."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux.virtual import virtual_clock

pytestmark = pytest.mark.anyio


async def test_an_answer_is_the_engines_document(client: Any) -> None:
    reply = await client.get("/v1/quotes?symbols=btc,ETH")
    body = reply.json()
    assert reply.status_code == 200
    assert list(body) == ["items", "missing", "attribution", "observed_at", "fetched_at", "stale", "sandbox"]
    assert [item["symbol"] for item in body["items"]] == ["BTC", "ETH"]
    assert body["items"][0]["price"] == 100.0
    assert body["items"][0]["market_cap"] is None
    assert body["attribution"] == ["alpha data"]
    assert (body["missing"], body["stale"], body["sandbox"]) == ({}, False, False)


async def test_what_has_no_item_is_missing_with_its_reason(client: Any) -> None:
    body = (await client.get("/v1/quotes?symbols=BTC,NOPE")).json()
    assert [item["symbol"] for item in body["items"]] == ["BTC"]
    assert body["missing"]["NOPE"]["reason"] == "unknown-symbol"


async def test_headers_say_where_an_answer_comes_from(client: Any) -> None:
    first = (await client.get("/v1/quotes?symbols=BTC")).headers
    assert first["content-type"] == "application/json"
    assert first["x-feedmux-cache"] == "miss"
    assert first["x-feedmux-source"] == "alpha"
    assert first["x-feedmux-trace"] == "cache miss quotes BTC; tried alpha: answered 1/1 in 10 ms"
    assert "x-feedmux-sandbox" not in first
    second = (await client.get("/v1/quotes?symbols=BTC")).headers
    assert second["x-feedmux-cache"] == "hit"
    assert second["x-feedmux-trace"] == "cache hit quotes BTC alpha"


async def test_age_counts_while_the_bytes_stay(client: Any, wire: Any) -> None:
    bodies, ages = set(), []
    for seconds in (0, 0, 4, 3):
        await virtual_clock().sleep(seconds)
        reply = await client.get("/v1/quotes?symbols=BTC")
        bodies.add(reply.content)
        ages.append(int(reply.headers["age"]))
    assert len(bodies) == 1
    assert ages == [0, 0, 4, 7]
    assert len(wire.asked) == 1


async def test_an_answer_past_its_freshness_is_asked_for_again(client: Any, wire: Any) -> None:
    for price in (100.0, 101.0):
        wire.price = price
        for _ in range(3):
            reply = await client.get("/v1/quotes?symbols=BTC")
            assert reply.json()["items"][0]["price"] == price
        await virtual_clock().sleep(11)
    assert len(wire.asked) == 2


async def test_a_stale_answer_says_so(client: Any, wire: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    await virtual_clock().sleep(60)
    wire.status = 500
    reply = await client.get("/v1/quotes?symbols=BTC")
    assert reply.json()["stale"] is True
    assert reply.headers["x-feedmux-cache"] == "stale"
    assert reply.headers["age"] == "60"
    assert "stale quotes BTC, 60 s old" in reply.headers["x-feedmux-trace"]


async def test_max_age_overrides_freshness(client: Any, wire: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    await virtual_clock().sleep(3)
    assert (await client.get("/v1/quotes?symbols=BTC&max_age=1")).headers["x-feedmux-cache"] == "miss"
    await virtual_clock().sleep(100)
    assert (await client.get("/v1/quotes?symbols=BTC&max_age=200")).headers["age"] == "100"
    assert len(wire.asked) == 2


async def test_only_asks_nobody_else(serving: Any) -> None:
    async with serving("alpha", "beta") as client:
        for name in ("beta", "alpha"):
            reply = await client.get(f"/v1/quotes?symbols=BTC&only={name}")
            assert reply.headers["x-feedmux-source"] == name


async def test_a_path_parameter_and_a_query_parameter_spell_one_question(client: Any, wire: Any) -> None:
    one = await client.get("/v1/candles/btc?interval=1h&limit=3")
    other = await client.get("/v1/query/candles?symbol=BTC&interval=1h&limit=3")
    assert one.json()["items"] == other.json()["items"]
    assert len(one.json()["items"]) == 3
    assert len(wire.asked) == 1


async def test_a_third_partys_question_has_routes(client: Any) -> None:
    for url in ("/v1/rain/oslo?days=2", "/v1/query/rainfall?place=oslo&days=2"):
        reply = await client.get(url)
        assert reply.json()["items"][0]["mm"] == 3.5
    assert (await client.get("/v1/explain/rainfall?place=oslo")).json()["answer"]["items"]


@pytest.mark.parametrize("capability", ["taken", "crooked"])
async def test_a_path_that_cannot_be_served_costs_only_the_path(client: Any, capability: str) -> None:
    reply = await client.get(f"/v1/query/{capability}")
    assert reply.json()["items"][0]["place"] == capability
    assert (await client.get("/v1/providers")).json()["providers"]
    assert (await client.get("/v1/crooked/x")).status_code == 404


async def test_no_items_may_be_the_answer(client: Any, wire: Any) -> None:
    for _ in range(3):
        reply = await client.get("/v1/rain/sahara")
        assert reply.status_code == 200
        assert reply.json()["items"] == []
    assert len(wire.asked) == 1


async def test_a_trace_header_is_short_ascii(client: Any) -> None:
    symbols = ",".join(f"S{n}" for n in range(200))
    trace = (await client.get(f"/v1/quotes?symbols={symbols}")).headers["x-feedmux-trace"]
    assert len(trace) == 500
    assert trace.isascii()
