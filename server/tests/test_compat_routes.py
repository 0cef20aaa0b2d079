"""What the older service's routes say, beyond the shapes: whose word it is, in which order, how it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from feedmux import Answer, Candle, Candles, Crossed, Quote, Quotes
from feedmux.answer import Missing
from feedmux.event import Result, Trace, Tried
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings, ServerSettings
from feedmux.virtual import START, virtual_clock
from feedmux_server.compat import candles, prices
from feedmux_server.compat.direct import market

pytestmark = pytest.mark.anyio
CLEAR = "/api/multi-source/cache/clear"


async def got(client: Any, target: str) -> dict[str, Any]:
    reply = await client.get(target)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def test_coins_come_by_market_cap(sandboxed: Any) -> None:
    body = await got(sandboxed, "/api/market?limit=20")
    caps = [coin["marketCap"] for coin in body["coins"]]
    assert (body["count"], len(caps), caps) == (20, 20, sorted(caps, reverse=True))
    assert body["coins"] == body["data"]


async def test_gainers_rose_and_losers_fell_those_that_moved_most_first(sandboxed: Any) -> None:
    bodies = [await got(sandboxed, f"/api/market/{name}?limit=5") for name in ("gainers", "losers")]
    gained, lost = ([coin["changePercent24h"] for coin in body["coins"]] for body in bodies)
    assert gained == sorted(gained, reverse=True)
    assert lost == sorted(lost)
    assert min(gained) > 0 > max(lost)


async def test_a_row_has_every_field_that_its_provider_knows_and_no_other(sandboxed: Any) -> None:
    day = {"change24h", "changePercent24h", "volume24h", "high24h", "low24h"}
    when = {"lastUpdated", "timestamp"}
    ticker = (await got(sandboxed, "/api/v1/binance/ticker?symbol=BTC"))["data"]
    assert set(ticker) == {"symbol", "price", "source", "id", *day, *when}
    (coin,) = (await got(sandboxed, "/api/v1/coingecko/price?symbols=BTC"))["data"]
    assert set(coin) == {"symbol", "price", "source", "id", "name", "marketCap", *day, *when}
    await virtual_clock().sleep(11)
    (trend,) = (await got(sandboxed, "/api/trending?limit=1"))["data"]
    assert set(trend) == {
        "symbol",
        "name",
        "rank",
        "source",
        "id",
        "price",
        "changePercent24h",
        "marketCapRank",
    }


async def test_trending_coins_are_ranked_from_one(sandboxed: Any) -> None:
    body = await got(sandboxed, "/api/trending?limit=4")
    assert [coin["rank"] for coin in body["coins"]] == [1, 2, 3, 4]
    assert body["source"] == "coingecko"


async def test_the_same_list_is_asked_for_once_at_all_its_paths(sandboxed: Any) -> None:
    paths = ("/api/trending", "/api/direct/trending?limit=5", "/api/v1/coingecko/trending?limit=3")
    times = {(await got(sandboxed, path))["timestamp"] for path in paths}
    assert len(times) == 1


async def test_an_answer_never_says_that_it_is_younger_than_it_is(sandboxed: Any) -> None:
    first = await got(sandboxed, "/api/trending")
    await virtual_clock().sleep(200)
    assert await got(sandboxed, "/api/trending") == first


@pytest.mark.parametrize(
    ("target", "provider"),
    [
        ("/api/v1/coingecko/price?symbols=BTC", "coingecko"),
        ("/api/v1/binance/klines?symbol=BTC", "binance_dt"),
        ("/api/v1/binance/ticker?symbol=BTC", "binance_dt"),
        ("/api/v1/alternative/fng", "alternative_me"),
    ],
)
async def test_a_named_provider_answers_alone_or_nobody_does(
    installed: Any, target: str, provider: str
) -> None:
    async with installed() as client:
        assert (await got(client, target))["source"] == provider
    async with installed(providers={provider: ProviderSettings(enabled=False)}) as client:
        assert (await client.get(target)).status_code == 503


async def test_a_named_provider_that_is_not_installed_is_named_with_what_to_install(client: Any) -> None:
    reply = await client.get("/api/v1/binance/ticker?symbol=BTC")
    assert reply.status_code == 503
    assert "install feedmux-binance-dt" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("btc", ("BTC", "USD")),
        ("BTCUSDT", ("BTC", "USDT")),
        ("USDT", ("USDT", "USD")),
        ("binance_dt:BTCUSDT", ("binance_dt:BTCUSDT", "USD")),
    ],
)
async def test_an_exchange_s_name_of_a_market_is_read(text: str, meant: tuple[str, str]) -> None:
    assert market(text) == meant


async def test_candles_say_as_which_symbol_they_were_asked_for(sandboxed: Any) -> None:
    body = await got(sandboxed, "/api/v1/binance/klines?symbol=btcusdt&limit=3")
    assert (body["symbol"], body["count"], len(body["data"])) == ("BTCUSDT", 3, 3)


async def test_candles_are_oldest_first_and_open_and_close_lie_between_low_and_high(sandboxed: Any) -> None:
    bars = (await got(sandboxed, "/api/multi-source/ohlc/eth?limit=50"))["data"]["candles"]
    assert [bar["timestamp"] for bar in bars] == sorted(bar["timestamp"] for bar in bars)
    assert all(bar["low"] <= min(bar["open"], bar["close"]) for bar in bars)
    assert all(bar["high"] >= max(bar["open"], bar["close"]) for bar in bars)


async def test_candles_say_whether_they_come_from_the_cache(serving: Any, wire: Any) -> None:
    async with serving("alpha", "beta") as client:
        first, again = [await got(client, "/api/multi-source/ohlc/BTC?limit=2") for _ in range(2)]
        assert (first["cached"], first["attempts"], first["total_sources"]) == (False, 1, 2)
        assert (again["cached"], again["attempts"]) == (True, 0)
        await virtual_clock().sleep(600)
        wire.status = 500
        late = await got(client, "/api/multi-source/ohlc/BTC?limit=2")
    assert (late["stale"], late["cached"], late["data"]) == (True, True, first["data"])


def tried(provider: str, result: Result, got: int) -> Tried:
    return Tried(
        at=0.0,
        member=provider,
        provider=provider,
        capability="candles",
        result=result,
        seconds=0.1,
        asked=1,
        got=got,
    )


def series(*events: Tried) -> Answer[Candle]:
    candle = Candle(
        symbol="BTC",
        interval="1d",
        opened_at=START,
        open=1.0,
        high=1.0,
        low=1.0,
        close=1.0,
        closed=True,
        provider="beta",
    )
    return Answer(query=Candles("BTC", "1d", 1), items=(candle,), trace=Trace(events))


async def test_a_fallback_is_who_answers_after_another_failed() -> None:
    answered = tried("beta", Result.ANSWERED, 1)
    asked = candles.OhlcvParameters("BTC")
    alone = candles._ohlcv(series(answered), asked, START)
    second = candles._ohlcv(series(tried("alpha", Result.DOWN, 0), answered), asked, START)
    assert (alone.fallback_used, second.fallback_used) == (False, True)


def crossed(symbol: str, *said: float, price: float | None) -> Crossed:
    mean = sum(said) / len(said)
    return Crossed(
        symbol=symbol,
        vs="USD",
        price=price,
        mean=mean,
        median=price,
        min=min(said),
        max=max(said),
        stdev=1.0,
        variance=(max(said) - min(said)) / mean,
        sources=len(said),
        confidence=0.9,
        all_prices=said,
        voices=(),
    )


async def test_two_that_disagree_give_no_row_but_an_anomaly() -> None:
    quote = Quote(symbol="BTC", price=100.0, provider="consensus", observed_at=START - timedelta(seconds=3))
    answer = Answer(
        query=Quotes(("BTC", "ETH")),
        items=(quote,),
        missing={"ETH": Missing("no-consensus", "they disagree")},
        crossed={
            "BTC": crossed("BTC", 100.0, 100.0, 101.0, price=100.0),
            "ETH": crossed("ETH", 10.0, 20.0, price=None),
        },
    )
    data = prices._prices(answer, START).data
    assert [(row.symbol, row.price, row.median, row.sources) for row in data.prices] == [
        ("BTC", 100.0, 100.0, 3)
    ]
    assert data.anomalies == [prices.Anomaly("ETH", [10.0, 20.0], 15.0, 10 / 15, 0.05)]
    assert data.missing == {"ETH": "they disagree"}


async def test_one_voice_is_half_confident(client: Any) -> None:
    body = await got(client, "/api/multi-source/prices?symbols=BTC")
    (row,) = body["data"]["prices"]
    assert (row["sources"], row["confidence"], row["all_prices"]) == (1, 0.5, [100.0])
    assert (row["stdev"], row["variance"], body["data"]["anomalies"]) == (0.0, 0.0, [])


async def test_prices_that_agree_are_a_median_with_its_figures(sandboxed: Any) -> None:
    body = await got(sandboxed, "/api/multi-source/prices?symbols=BTC")
    (row,) = body["data"]["prices"]
    said = row["all_prices"]
    assert len(said) == row["sources"] >= 2
    assert (row["min"], row["max"]) == (min(said), max(said))
    assert row["price"] == row["median"]
    assert row["variance"] == pytest.approx((max(said) - min(said)) / row["mean"])
    assert row["confidence"] == pytest.approx(1 - row["variance"])
    assert body["data"]["sources_used"] == row["sources"]


async def test_symbols_beyond_the_limit_are_not_asked_for(sandboxed: Any) -> None:
    body = await got(sandboxed, "/api/multi-source/prices?symbols=BTC,ETH,SOL&limit=2&cross_check=false")
    assert [row["symbol"] for row in body["data"]["prices"]] == ["BTC", "ETH"]


async def test_of_a_symbol_that_nobody_knows_is_said_that_it_is_missing(sandboxed: Any) -> None:
    body = await got(sandboxed, "/api/multi-source/prices?symbols=BTC,ZZZQ&cross_check=false")
    assert [row["symbol"] for row in body["data"]["prices"]] == ["BTC"]
    assert "ZZZQ" in body["data"]["missing"]


async def test_free_text_is_not_split_at_commas(sandboxed: Any) -> None:
    found = await got(sandboxed, "/api/multi-source/news?query=bitcoin")
    assert found["data"]["count"] > 0
    assert (await got(sandboxed, "/api/multi-source/news?query=bitcoin,ethereum"))["data"]["articles"] == []
    searched = await got(sandboxed, "/api/resources/search?q=a,b")
    assert (searched["query"], searched["total"]) == ("a,b", 0)


async def test_news_come_newest_first_from_several_sites_each_once(sandboxed: Any) -> None:
    data = (await got(sandboxed, "/api/multi-source/news?limit=40"))["data"]
    published = [article["published"] for article in data["articles"]]
    titles = [article["title"] for article in data["articles"]]
    assert published == sorted(published, reverse=True)
    assert len(set(titles)) == len(titles) == data["count"] == 40
    assert data["sources_used"] == len({article["source"] for article in data["articles"]}) >= 3


async def test_the_index_has_its_history_newest_first(sandboxed: Any) -> None:
    body = await got(sandboxed, "/api/fear-greed")
    times = [day["timestamp"] for day in body["data"]]
    assert (len(times), times) == (30, sorted(times, reverse=True))
    assert (body["value"], body["classification"]) == (
        body["data"][0]["value"],
        body["data"][0]["classification"],
    )


async def test_sources_are_counted_as_they_fare(serving: Any, wire: Any) -> None:
    async with serving("alpha", "beta") as client:
        await got(client, "/api/market/price?symbol=BTC")
        wire.status = 429
        await client.get("/api/market/price?symbol=ETH")
        sources = (await got(client, "/api/multi-source/monitoring/stats"))["sources"]
        status = await got(client, "/api/multi-source/sources/status")
    assert sum(one["success_count"] for one in sources.values()) == 1
    assert sum(one["failure_count"] for one in sources.values()) == 2
    assert {one["status"] for one in sources.values()} == {"rate_limited"}
    assert status["total_sources"] == 2
    assert status["sources_by_type"]["market_prices"] == {"total": 2, "categories": {"primary": 2}}


async def test_who_was_not_asked_has_no_rate(client: Any) -> None:
    stats = (await got(client, "/api/multi-source/monitoring/stats"))["sources"]["alpha"]
    assert stats == {
        "total_requests": 0,
        "success_count": 0,
        "failure_count": 0,
        "success_rate": None,
        "avg_response_time": None,
        "last_success": None,
        "last_failure": None,
        "status": "unknown",
    }


@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer wrong"}])
async def test_the_cache_is_cleared_for_the_admin_alone(
    serving: Any, wire: Any, given: dict[str, str]
) -> None:
    async with serving(server=ServerSettings(admin_token=Secret("right"))) as client:
        await got(client, "/api/market/price?symbol=BTC")
        refused = await client.post(CLEAR, headers=given)
        await got(client, "/api/market/price?symbol=BTC")
        assert (refused.status_code, len(wire.asked)) == (401, 1)
        cleared = await client.post(CLEAR, headers={"authorization": "Bearer right"})
        assert cleared.json() == {"success": True, "message": "Cache cleared successfully: 1 entries"}
        await got(client, "/api/market/price?symbol=BTC")
        assert len(wire.asked) == 2


async def test_without_a_token_nobody_clears_the_cache(client: Any) -> None:
    reply = await client.post(CLEAR, headers={"authorization": "Bearer "})
    assert (reply.status_code, reply.headers["content-type"]) == (401, "application/problem+json")


async def test_a_model_s_word_is_the_older_service_s(sandboxed: Any) -> None:
    reply = await sandboxed.post("/api/sentiment/analyze", json={"text": "to the moon, surely"})
    assert reply.json() == {"sentiment": "Bullish", "score": 0.9, "confidence": 0.8, "model": "rule"}


async def test_texts_are_judged_in_their_order_repeats_too(sandboxed: Any) -> None:
    texts = ["flat", "moon", "nothing", "flat"]
    body = (await sandboxed.post("/api/v1/hf/sentiment/batch", json={"texts": texts})).json()
    assert [one["label"] for one in body["results"]] == ["neutral", "bullish", "neutral"]
    assert (body["count"], list(body["missing"])) == (3, ["2"])


async def test_where_no_model_is_installed_it_is_said_what_to_install(client: Any) -> None:
    for path, body in (
        ("/api/sentiment/analyze", {"text": "x"}),
        ("/api/v1/hf/sentiment", {"text": "x"}),
        ("/api/v1/hf/sentiment/batch", {"texts": ["x"]}),
    ):
        reply = await client.post(path, json=body)
        assert reply.status_code == 503
        assert "install feedmux-sentiment" in reply.json()["detail"]
    assert (await got(client, "/api/v1/hf/models"))["models"] == []


async def test_a_model_is_loaded_once_it_has_answered(sandboxed: Any) -> None:
    before = await got(sandboxed, "/api/v1/hf/models")
    await sandboxed.post("/api/sentiment/analyze", json={"text": "x"})
    after = await got(sandboxed, "/api/v1/hf/models")
    assert (before["total_configured"], before["total_loaded"], after["total_loaded"]) == (1, 0, 1)


async def test_a_category_that_is_none_is_answered_with_those_that_are(sandboxed: Any) -> None:
    for target in ("/api/resources/category/nope", "/api/resources/list?category=nope"):
        body = (await sandboxed.get(target)).json()
        assert body["type"] == "urn:feedmux:problem:unknown-category"
        assert "rpc_nodes" in body["detail"]


async def test_the_catalogue_s_counts_agree(sandboxed: Any) -> None:
    stats = await got(sandboxed, "/api/resources/stats")
    categories = (await got(sandboxed, "/api/categories"))["categories"]
    listed = await got(sandboxed, "/api/resources/list")
    assert stats["categories"] == {one["name"]: one["count"] for one in categories}
    assert sum(stats["categories"].values()) == stats["total_resources"] == listed["total"]
    assert listed["note"] == f"Showing first 100 of {listed['total']} resources"
    for one in categories[:2]:
        assert (await got(sandboxed, one["endpoint"]))["total"] == one["count"]


async def test_a_search_looks_at_names_whatever_their_case(sandboxed: Any) -> None:
    found = await got(sandboxed, "/api/resources/search?q=ETHERSCAN")
    assert found["total"] == len(found["resources"]) > 0
    assert all(
        "etherscan" in f"{one['name']} {one['id']} {one['base_url']}".lower() for one in found["resources"]
    )


async def test_providers_are_counted_by_what_they_can_do_now(sandboxed: Any) -> None:
    await got(sandboxed, "/api/fear-greed")
    body = await got(sandboxed, "/api/providers")
    by_name = {one["name"]: one for one in body["providers"]}
    assert (by_name["alternative_me"]["status"], by_name["alternative_me"]["type"]) == ("online", "sentiment")
    assert by_name["etherscan"]["status"] == "offline"
    assert body["total"] == len(by_name)
    assert body["online"] >= 1


async def test_the_status_at_a_glance_names_every_provider(serving: Any, wire: Any) -> None:
    async with serving("alpha", "beta") as client:
        wire.status = 429
        await client.get("/api/market/price?symbol=BTC")
        body = await got(client, "/api/v1/status")
    assert body["status"] == "unavailable"
    assert body["external_apis"] == {"alpha": "rate_limited", "beta": "rate_limited"}
