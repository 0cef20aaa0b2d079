"""A cross-check over HTTP: the median, who said what, and a refusal where they disagree."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio
URL = "/v1/quotes?symbols=BTC&cross_check=true"


async def test_a_cross_checked_answer_says_who_said_what(serving: Any, wire: Any) -> None:
    async with serving("alpha", "beta", "gamma") as client:
        reply = await client.get(URL)
        crossed = reply.json()["crossed"]["BTC"]

        assert [item["provider"] for item in reply.json()["items"]] == ["consensus"]
        assert (crossed["price"], crossed["sources"], crossed["all_prices"]) == (100.0, 3, [100.0] * 3)
        assert {voice["provider"] for voice in crossed["voices"]} == {"alpha", "beta", "gamma"}
        assert set(reply.json()["attribution"]) == {"alpha data", "beta data", "gamma data"}
        assert reply.headers["x-feedmux-source"] == "consensus"
        assert "compared BTC: 3 heard" in reply.headers["x-feedmux-trace"]
        assert len(wire.asked) == 3


async def test_the_same_again_is_served_from_the_cache(serving: Any, wire: Any) -> None:
    async with serving("alpha", "beta") as client:
        first, second = await client.get(URL), await client.get(URL)

        assert first.json() == second.json()
        assert second.headers["x-feedmux-cache"] == "hit"
        assert len(wire.asked) == 2


async def test_a_plain_question_has_nothing_of_it(serving: Any) -> None:
    async with serving("alpha", "beta") as client:
        await client.get(URL)

        assert "crossed" not in (await client.get("/v1/quotes?symbols=BTC")).json()


async def test_what_cannot_be_compared_does_not_take_the_parameter(client: Any) -> None:
    reply = await client.get("/v1/candles/BTC?cross_check=true")

    assert reply.status_code == 400
    assert reply.json()["field"] == "cross_check"


async def test_the_description_has_it_where_it_can_be_asked(client: Any) -> None:
    document = (await client.get("/docs/openapi.json")).json()
    names = {
        path: {one["name"] for one in document["paths"][path]["get"]["parameters"]}
        for path in ("/v1/quotes", "/v1/explain/quotes", "/v1/candles/{symbol}")
    }

    assert "cross_check" in names["/v1/quotes"] & names["/v1/explain/quotes"]
    assert "cross_check" not in names["/v1/candles/{symbol}"]
    assert "Crossed" in document["components"]["schemas"]


async def test_a_plan_names_those_who_would_be_asked(serving: Any, wire: Any) -> None:
    async with serving("alpha", "beta") as client:
        told = (await client.get("/v1/explain/quotes?symbols=BTC&cross_check=true&dry=true")).json()["trace"]

        assert told[-1] == {**told[-1], "event": "considered", "members": ["alpha", "beta"]}
        assert wire.asked == []
