"""What CoinGecko answered, read: every recorded body, errors included."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.errors import (
    FeedmuxError,
    InvalidQuery,
    NotFound,
    RateLimited,
    Unauthorized,
    UpstreamDown,
)
from feedmux.failure import failure_of
from feedmux.query import Markets, Quotes, Trending
from feedmux.request import Asked, Reply
from feedmux_coingecko import parse_markets, parse_quotes, parse_trending, provider

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def body(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def quotes(*symbols: str, vs: str = "USD") -> Asked[Quotes]:
    return Asked(Quotes(symbols, vs), NOW)


def rows(*changes: dict[str, Any]) -> bytes:
    """Bitcoin's recorded row, once for each change."""
    (bitcoin,) = msgspec.json.decode(body("coins_markets.btc_eth_page1.json"))
    return msgspec.json.encode([{**bitcoin, **change} for change in changes])


def test_a_quote_says_what_the_row_says() -> None:
    (quote,) = parse_quotes(body("coins_markets.btc_eth_page1.json"), quotes("BTC"))
    assert (quote.symbol, quote.id, quote.name, quote.vs) == ("BTC", "bitcoin", "Bitcoin", "USD")
    assert (quote.price, quote.high_24h, quote.low_24h) == (42652, 43088, 41747)
    assert (quote.change_24h, quote.change_pct_24h) == (-339.10884563378204, -0.78878)
    assert (quote.volume_24h, quote.market_cap) == (20679539886, 837025489900)
    assert quote.observed_at == datetime(2024, 1, 15, 8, 54, 30, 919000, tzinfo=UTC)
    assert not quote.ambiguous


def test_quotes_are_in_the_currency_asked_for_and_in_the_callers_order() -> None:
    found = parse_quotes(body("coins_markets.btc_eth_in_eth.json"), quotes("ETH", "BTC", vs="ETH"))
    assert [(q.symbol, q.vs, q.price) for q in found] == [("ETH", "ETH", 1.0), ("BTC", "ETH", 12.666344)]


def test_an_exact_coin_comes_back_under_the_callers_name() -> None:
    (quote,) = parse_quotes(body("coins_markets.btc_eth_page2.json"), quotes("coingecko:ethereum"))
    assert (quote.symbol, quote.id, quote.ambiguous) == ("coingecko:ethereum", "ethereum", False)


def test_a_symbol_that_the_body_lacks_is_left_out() -> None:
    assert parse_quotes(body("coins_markets.btc_eth_page1.json"), quotes("SOL")) == []
    assert parse_quotes(b"[]", quotes("SOL")) == []


def test_of_coins_that_share_a_symbol_the_largest_is_taken_and_said_to_be_ambiguous() -> None:
    shared = rows({"id": "small", "market_cap": 10}, {"id": "none", "market_cap": None}, {"id": "large"})
    (quote,) = parse_quotes(shared, quotes("BTC"))
    assert (quote.id, quote.ambiguous) == ("large", True)
    (exact,) = parse_quotes(shared, quotes("coingecko:small"))
    assert (exact.id, exact.ambiguous) == ("small", False)


def test_where_the_largest_has_no_price_no_other_coin_stands_in() -> None:
    shared = rows({"id": "large", "current_price": None}, {"id": "small", "market_cap": 10})
    assert parse_quotes(shared, quotes("BTC")) == []


def test_what_is_unknown_of_a_thin_coin_is_none_never_zero() -> None:
    thin = rows({"market_cap": 0, "high_24h": None, "low_24h": 0, "price_change_24h": None})
    (quote,) = parse_quotes(thin, quotes("BTC"))
    assert (quote.market_cap, quote.high_24h, quote.low_24h, quote.change_24h) == (None, None, None, None)


def test_the_market_table_keeps_its_order_and_ranks() -> None:
    found = parse_markets(body("coins_markets.usd_top100.json"), Asked(Markets(100), NOW))
    assert [coin.rank for coin in found] == [
        row["market_cap_rank"] for row in msgspec.json.decode(body("coins_markets.usd_top100.json"))
    ]
    assert (found[0].symbol, found[0].name, found[0].price) == ("BTC", "Bitcoin", 42652)
    assert found[0].circulating_supply == 19599200.0


def test_a_coin_without_a_price_is_not_in_the_market_table() -> None:
    assert parse_markets(rows({"current_price": None}), Asked(Markets(), NOW)) == []


def trending(name: str) -> dict[str, float | None]:
    return {coin.symbol: coin.price for coin in parse_trending(body(name), Asked(Trending(), NOW))}


def test_prices_written_for_people_are_read() -> None:
    prices = trending("search_trending.json")
    assert (prices["TIA"], prices["ETH"], prices["BTC"]) == (13.60, 2263.87, 44853.98)


def test_a_price_that_counts_its_zeros_in_a_subscript_is_read_from_its_title() -> None:
    assert trending("search_trending.json")["COQ"] == 0.000001216


def test_trending_coins_keep_their_order() -> None:
    found = parse_trending(body("search_trending.json"), Asked(Trending(), NOW))
    assert [coin.position for coin in found] == list(range(1, 16))
    assert (found[0].id, found[0].rank, found[0].change_pct_24h) == ("celestia", 44, -9.856759102497167)


def test_the_shape_without_prices_has_no_prices() -> None:
    assert set(trending("search_trending.2021.json").values()) == {None}


@pytest.mark.parametrize(
    ("price", "read"),
    [
        (5.9e-06, 5.9e-06),
        ("$0.00", None),
        ("soon", None),
        ("-$5", None),
        (None, None),
        ("$1,234,567.8", 1234567.8),
    ],
)
def test_a_trending_price_is_a_number_a_text_or_unknown(price: object, read: float | None) -> None:
    item = {"id": "x", "symbol": "x", "name": "X", "data": {"price": price}}
    (coin,) = parse_trending(msgspec.json.encode({"coins": [{"item": item}]}), Asked(Trending(), NOW))
    assert coin.price == read


ERRORS: list[tuple[str, int, type[FeedmuxError]]] = [
    ("error_400_invalid_days.json", 400, InvalidQuery),
    ("error_400_invalid_vs_currency.json", 400, InvalidQuery),
    ("error_401_pro_only_10005.json", 401, InvalidQuery),
    ("error_401_time_range_10012.json", 401, InvalidQuery),
    ("error_401_wrong_demo_key.json", 401, Unauthorized),
    ("error_404_coin_not_found.json", 404, NotFound),
    ("error_422_missing_date.json", 422, InvalidQuery),
    ("error_422_missing_ids.json", 422, InvalidQuery),
    ("error_422_missing_vs_currency.json", 422, InvalidQuery),
    ("error_429_rate_limit.json", 429, RateLimited),
    ("error_500_ohlc_missing_params.json", 500, UpstreamDown),
]


def failure(status: int, content: bytes, headers: dict[str, str] | None = None) -> FeedmuxError | None:
    return failure_of(Reply(status, headers or {}, content), provider.feedmux_upstream().failures, NOW)


@pytest.mark.parametrize(("name", "status", "error"), ERRORS)
def test_every_recorded_error_has_its_meaning(name: str, status: int, error: type[FeedmuxError]) -> None:
    assert type(failure(status, body(name))) is error


def test_every_recorded_error_is_in_the_table() -> None:
    assert {path.name for path in RECORDED.glob("error_*")} == {name for name, _, _ in ERRORS}


@pytest.mark.parametrize(("sent", "wait"), [("119", 119.0), ("0", None), ("", None)])
def test_a_limit_ends_when_it_says_and_else_by_our_own_steps(sent: str, wait: float | None) -> None:
    found = failure(429, body("error_429_rate_limit.json"), {"retry-after": sent})
    assert type(found) is RateLimited
    assert found.retry_after == wait


def test_cloudflares_own_limit_and_block_are_told_apart_from_a_bad_key() -> None:
    assert type(failure(429, b"error code: 1015")) is RateLimited
    assert type(failure(403, b"<html>Access denied | error 1020</html>")) is UpstreamDown


@pytest.mark.parametrize("code", [10010, 10011])
def test_a_key_for_the_other_host_is_the_operators_to_mend(code: int) -> None:
    assert type(failure(400, b'{"status":{"error_code":%d,"error_message":"..."}}' % code)) is Unauthorized


def test_an_answer_is_no_failure() -> None:
    assert failure(200, body("coins_markets.btc_eth_page1.json")) is None
