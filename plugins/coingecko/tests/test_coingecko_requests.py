"""What is sent to CoinGecko, and how seldom."""

from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Any

import pytest

from feedmux.limits import Tier
from feedmux.listing import Listed
from feedmux.query import Candles, Markets, Quotes, Trending
from feedmux.request import Asked, Request
from feedmux_coingecko import (
    candles_request,
    lacks,
    markets_request,
    provider,
    quotes_request,
    trending_request,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def quotes(*symbols: str, vs: str = "USD") -> Request:
    return quotes_request(Asked(Quotes(symbols, vs), NOW))


def test_it_is_found_under_its_name() -> None:
    (found,) = entry_points(group="feedmux.providers", name="coingecko")
    assert found.load() is provider


def test_quotes_ask_for_every_coin_of_their_symbols() -> None:
    assert quotes("BTC", "eth", vs="eur").target == (
        "/coins/markets?vs_currency=eur&symbols=btc,eth&include_tokens=all&order=market_cap_desc&per_page=250"
    )


def test_exact_coins_are_asked_for_by_id() -> None:
    assert quotes("coingecko:bitcoin", "coingecko:usd-coin").target == (
        "/coins/markets?vs_currency=usd&ids=bitcoin,usd-coin&order=market_cap_desc&per_page=250"
    )


def test_a_full_batch_stays_inside_the_fifty_symbols_and_the_length_of_an_address() -> None:
    assert provider.feedmux_limits().serves[Quotes].batch == 50
    longest = [f"coingecko:{n:03}{'x' * 77}" for n in range(50)]
    assert len(quotes(*longest).target) < 8000


def test_market_tables_of_any_length_share_one_request() -> None:
    short, long = (markets_request(Asked(Markets(limit), NOW)) for limit in (5, 1000))
    assert short.key == long.key
    assert short.target == "/coins/markets?vs_currency=usd&order=market_cap_desc&per_page=250"


def test_trending_lists_of_any_length_share_one_request() -> None:
    assert {trending_request(Asked(Trending(limit), NOW)).target for limit in (5, 10)} == {"/search/trending"}


def test_it_is_a_last_resort_that_is_never_asked_the_same_within_five_minutes() -> None:
    limits = provider.feedmux_limits()
    assert (limits.tier, limits.weight, limits.min_interval) == (Tier.LAST_RESORT, 5, 10)
    assert min(terms.ttl for terms in limits.serves.values()) == 300
    assert (limits.backoff.steps, limits.backoff.blacklist_after) == ((120, 240, 600), 3)


def test_without_a_key_it_may_be_asked_five_times_a_minute() -> None:
    assert [(w.limit, w.per) for w in provider.feedmux_limits().windows] == [(5, 60)]
    assert provider.feedmux_upstream().plans["public"].windows is None


def test_the_demo_plan_needs_its_key_and_has_a_quota_for_the_month() -> None:
    plan = provider.feedmux_upstream().plans["demo"]
    assert [(w.limit, w.per) for w in plan.windows or ()] == [(30, 60), (10_000, 31 * 86_400)]
    assert plan.key is not None
    assert (plan.key.header, plan.key.required) == ("x-cg-demo-api-key", True)


@pytest.mark.parametrize(
    ("name", "a_minute", "a_month"),
    [("basic", 250, 100_000), ("analyst", 500, 500_000), ("lite", 500, 2_000_000)],
)
def test_a_paid_plan_has_a_host_a_key_and_credits_of_its_own(name: str, a_minute: int, a_month: int) -> None:
    plan = provider.feedmux_upstream().plans[name]
    assert [(w.limit, w.per) for w in plan.windows or ()] == [(a_minute, 60), (a_month, 31 * 86_400)]
    assert plan.hosts == ("https://pro-api.coingecko.com/api/v3",)
    assert plan.key is not None
    assert (plan.key.header, plan.key.required) == ("x-cg-pro-api-key", True)


@pytest.mark.parametrize(
    ("interval", "limit", "days"),
    [
        ("30m", 1, 1),
        ("30m", 48, 1),
        ("4h", 42, 7),
        ("4h", 43, 14),
        ("4h", 84, 14),
        ("4h", 85, 30),
        ("4h", 180, 30),
    ],
)
def test_candles_are_asked_for_in_the_fewest_days_that_bring_them(
    interval: Any, limit: int, days: int
) -> None:
    query = Candles("BTC", interval, limit, "EUR")
    asked = Asked(query, NOW, {"BTC": Listed("BTC", "bitcoin")})
    assert lacks(query) == ""
    assert candles_request(asked).target == f"/coins/bitcoin/ohlc?vs_currency=eur&days={days}"


@pytest.mark.parametrize(
    ("interval", "limit", "why"),
    [
        ("1m", 1, "it has no candles of 1m, only of 30m, 4h"),
        ("1h", 10, "it has no candles of 1h, only of 30m, 4h"),
        ("1d", 10, "it has no candles of 1d, only of 30m, 4h"),
        ("30m", 49, "it gives 48 candles of 30m at most"),
        ("4h", 181, "it gives 180 candles of 4h at most"),
    ],
)
def test_candles_that_it_does_not_give_are_refused_never_made_from_others(
    interval: Any, limit: int, why: str
) -> None:
    assert lacks(Candles("BTC", interval, limit)) == why
