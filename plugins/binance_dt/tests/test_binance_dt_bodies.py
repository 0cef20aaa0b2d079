"""What Binance answered, read: every recorded body that is no error."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from feedmux.listing import Listed, Listing
from feedmux.query import Candles, Quotes
from feedmux.request import Asked
from feedmux_binance_dt import parse_candles, parse_listing, parse_quotes

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def body(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def quotes(*symbols: str, quote: str = "USDT", vs: str = "USD") -> Asked[Quotes]:
    ids = {symbol: Listed(symbol, symbol + quote, quote, f"{symbol}/{quote}") for symbol in symbols}
    return Asked(Quotes(symbols, vs), NOW, ids)


def candles(interval: str = "1h", *, at: datetime = NOW, quote: str = "USDT") -> Asked[Candles]:
    ids = {"BTC": Listed("BTC", "BTC" + quote, quote, f"BTC/{quote}")}
    return Asked(Candles("BTC", interval, 1000), at, ids)


def test_a_quote_says_what_the_ticker_says_under_the_callers_symbol() -> None:
    quote = parse_quotes(body("ticker_24hr_BTC_ETH.json"), quotes("BTC", "ETH"))[0]
    ticker = msgspec.json.decode(body("ticker_24hr_BTC_ETH.json"))[0]
    assert (quote.symbol, quote.vs, quote.pair, quote.id) == ("BTC", "USD", "BTC/USDT", "BTCUSDT")
    assert quote.price == float(ticker["lastPrice"])
    assert (quote.change_24h, quote.change_pct_24h) == (
        float(ticker["priceChange"]),
        float(ticker["priceChangePercent"]),
    )
    assert (quote.high_24h, quote.low_24h) == (float(ticker["highPrice"]), float(ticker["lowPrice"]))
    assert quote.volume_24h == float(ticker["quoteVolume"])
    assert quote.observed_at is not None
    assert quote.observed_at.timestamp() == pytest.approx(ticker["closeTime"] / 1000)


def test_quotes_come_in_the_order_asked() -> None:
    found = parse_quotes(body("ticker_24hr_BTC_ETH.json"), quotes("ETH", "BTC"))
    assert [quote.symbol for quote in found] == ["ETH", "BTC"]


def test_a_symbol_that_the_body_lacks_is_left_out() -> None:
    found = parse_quotes(body("ticker_24hr_BTC_ETH.json"), quotes("BTC", "SOL"))
    assert [quote.symbol for quote in found] == ["BTC"]


def test_a_market_without_trades_has_no_quote() -> None:
    assert parse_quotes(body("us_ticker_24hr_all_2019.json"), quotes("BTC", "BNB")) == []
    found = parse_quotes(body("us_ticker_24hr_all_2019.json"), quotes("BTC", "BNB", quote="USD"))
    assert [quote.price for quote in found] == [10170.0, 22.65]


def test_candles_come_oldest_first_with_base_volume() -> None:
    found = parse_candles(body("klines_BTCUSDT_1h_2020-06.json"), candles())
    rows = msgspec.json.decode(body("klines_BTCUSDT_1h_2020-06.json"))
    assert len(found) == len(rows) == 468
    assert [c.opened_at.timestamp() * 1000 for c in found] == [row[0] for row in rows]
    assert [(c.open, c.high, c.low, c.close, c.volume) for c in found] == [
        tuple(float(text) for text in row[1:6]) for row in rows
    ]
    assert {(c.symbol, c.interval, c.pair, c.closed) for c in found} == {("BTC", "1h", "BTC/USDT", True)}


def test_a_gap_in_trading_stays_a_gap() -> None:
    opened = [c.opened_at for c in parse_candles(body("klines_BTCUSDT_1h_2020-06.json"), candles())]
    assert {later - earlier for earlier, later in pairwise(opened)} == {
        timedelta(hours=1),
        timedelta(hours=4),
    }


def test_only_a_candle_whose_interval_is_over_is_closed() -> None:
    last = msgspec.json.decode(body("klines_BTCUSDT_5m_last24.json"))[-1]
    during = datetime.fromtimestamp(last[0] / 1000, UTC) + timedelta(minutes=3)
    found = parse_candles(body("klines_BTCUSDT_5m_last24.json"), candles("5m", at=during))
    assert [c.closed for c in found] == [True] * 23 + [False]
    after = during + timedelta(minutes=2)
    assert parse_candles(body("klines_BTCUSDT_5m_last24.json"), candles("5m", at=after))[-1].closed


@pytest.mark.parametrize(
    ("name", "interval", "count"),
    [("klines_BTCUSDT_1d_2019.json", "1d", 366), ("klines_BTCUSDT_1m_single.json", "1m", 1)],
)
def test_every_recorded_series_is_read(name: str, interval: str, count: int) -> None:
    assert len(parse_candles(body(name), candles(interval))) == count


def test_the_listing_keeps_the_markets_that_trade() -> None:
    entries = parse_listing(body("exchangeInfo_truncated.json"))
    assert Listed("BTC", "BTCUSDT", "USDT", "BTC/USDT") in entries
    assert "EOSETH" not in {entry.id for entry in entries}
    assert len(entries) == 12


def test_a_tether_market_answers_for_dollars_and_nothing_else_does() -> None:
    listing = Listing.of(parse_listing(body("exchangeInfo_truncated.json")))
    market = listing.find("BTC", "USD")
    assert market is not None
    assert market.id == "BTCUSDT"
    assert listing.find("LTC", "USD") is None


BANNED = datetime.fromtimestamp(1660090423.228, UTC) - timedelta(minutes=5)
