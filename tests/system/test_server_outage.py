"""What callers of the REST server see of upstreams and plugins that fail: the process and every socket are real."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from .bodies import PRICES
from .clock import SLACK, elapsed_since, real_now
from .distributions import BROKEN, GOOD, installed
from .serving import serving
from .upstream import UPSTREAMS, Upstream, answering, hanging

pytestmark = pytest.mark.anyio
DEADLINE = 0.8


async def kill(upstream: Upstream, how: str) -> None:
    """Every upstream dies in this way."""
    if how == "refused":
        await upstream.stop()
    for name in UPSTREAMS:
        upstream.fails(name, hanging() if how == "hung" else answering(500, b"Internal Server Error"))


@pytest.mark.parametrize("how", ["refused", "hung", "failing"])
async def test_with_every_upstream_dead_the_server_serves_stale_or_says_503_until_when(
    how: str, tmp_path: Path, upstream: Upstream
) -> None:
    async with serving(tmp_path, upstream, deadline=DEADLINE) as server:
        good = await server.get("/v1/quotes?symbols=BTC")
        assert json.loads(good.body)["items"][0]["price"] == PRICES["BTC"]
        assert good.headers["x-feedmux-cache"] == "miss"
        await kill(upstream, how)

        began = real_now()
        stale = await server.get("/v1/quotes?symbols=BTC&max_age=0")
        stale_after, began = elapsed_since(began), real_now()
        unknown = await server.get("/v1/quotes?symbols=ETH,SOL")
        error_after = elapsed_since(began)

    assert stale.status == 200
    assert stale.headers["x-feedmux-cache"] == "stale"
    document = json.loads(stale.body)
    assert document["stale"] is True
    assert document["items"][0]["stale"] is True
    assert document["items"][0]["price"] == PRICES["BTC"]

    said = f"every upstream {how}: stale after {stale_after * 1000:.0f} ms, 503 after {error_after * 1000:.0f} ms"
    print(f"{said}, Retry-After {unknown.headers.get('retry-after')}")
    assert unknown.status == 503, unknown.body
    assert unknown.headers["content-type"].startswith("application/problem+json")
    assert int(unknown.headers["retry-after"]) >= 1
    assert json.loads(unknown.body)["status"] == 503
    assert error_after < DEADLINE + SLACK, said
    assert server.returncode == 0, server.log


async def test_200_clients_at_once_asking_one_price_cost_one_upstream_request(
    tmp_path: Path, upstream: Upstream
) -> None:
    async with serving(tmp_path, upstream, deadline=5.0) as server:
        await server.get("/v1/quotes?symbols=SOL&only=binance_dt")
        upstream.forget()
        upstream.takes("binance_dt", 0.3)
        upstream.takes("alternative_me", 0.3)
        replies = await asyncio.gather(*(server.get("/v1/quotes?symbols=BTC") for _ in range(200)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert len(upstream.arrivals) == 1


async def test_the_server_starts_beside_22_broken_plugins_and_names_each(
    tmp_path: Path, upstream: Upstream
) -> None:
    for name, (source, _) in BROKEN.items():
        installed(tmp_path, name, source)
    installed(tmp_path, "good", GOOD)
    async with serving(tmp_path, upstream, deadline=5.0, plugins=[*BROKEN, "good"]) as server:
        rows = {row["name"]: row for row in (await server.json("/v1/providers"))["providers"]}
        answer = await server.json("/v1/quotes?symbols=BTC")
    assert [item["provider"] for item in answer["items"]] == ["good"]
    assert rows.pop("good")["state"] != "quarantined"
    assert rows.keys() == BROKEN.keys()
    for name, (_, words) in BROKEN.items():
        assert rows[name]["state"] == "quarantined"
        assert words in rows[name]["cause"]
    assert server.returncode == 0
