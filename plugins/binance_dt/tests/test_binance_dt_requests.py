"""What is sent to Binance, and what of it costs."""

from datetime import UTC, datetime
from importlib.metadata import entry_points

import pytest

from feedmux.limits import Counts
from feedmux.listing import Listed
from feedmux.query import Candles, Quotes
from feedmux.request import Asked
from feedmux_binance_dt import candles_request, provider, quotes_request

NOW = datetime(2026, 11, 24, tzinfo=UTC)
IDS = {name: Listed(name, f"{name}USDT", "USDT", f"{name}/USDT") for name in ("BTC", "ETH")}


def test_it_is_found_under_its_name() -> None:
    (found,) = entry_points(group="feedmux.providers", name="binance_dt")
    assert found.load() is provider


def test_quotes_ask_for_their_markets_in_one_json_array() -> None:
    request = quotes_request(Asked(Quotes(("BTC", "ETH")), NOW, IDS))
    assert request.target == "/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D&type=FULL"


def test_a_market_asked_for_under_two_names_is_sent_once() -> None:
    ids = {**IDS, "binance_dt:BTCUSDT": Listed("binance_dt:BTCUSDT", "BTCUSDT")}
    request = quotes_request(Asked(Quotes(("BTC", "binance_dt:BTCUSDT")), NOW, ids))
    assert request.params["symbols"] == '["BTCUSDT"]'


@pytest.mark.parametrize(("asked", "sent"), [(1, 100), (100, 100), (101, 500), (501, 1000), (1000, 1000)])
def test_questions_of_similar_length_share_one_request(asked: int, sent: int) -> None:
    request = candles_request(Asked(Candles("BTC", "1h", asked), NOW, IDS))
    assert request.target == f"/api/v3/klines?symbol=BTCUSDT&interval=1h&limit={sent}"


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"])
def test_intervals_are_called_as_binance_calls_them(interval: str) -> None:
    assert candles_request(Asked(Candles("BTC", interval), NOW, IDS)).params["interval"] == interval


def test_requests_do_not_depend_on_when_they_are_made() -> None:
    later = NOW.replace(year=2027)
    asked = Candles("BTC", "1h", 10)
    assert candles_request(Asked(asked, NOW, IDS)).key == candles_request(Asked(asked, later, IDS)).key


def test_a_full_batch_of_quotes_still_weighs_two() -> None:
    terms = provider.feedmux_limits().serves[Quotes]
    assert (terms.batch, terms.cost) == (20, 2)


def test_the_window_counts_weight_and_believes_the_header() -> None:
    (window,) = provider.feedmux_limits().windows
    (used,) = provider.feedmux_upstream().used
    assert (window.limit, window.per, window.counts) == (6000, 60, Counts.COST)
    assert (used.name, used.per, used.counts) == ("x-mbx-used-weight-1m", 60, Counts.COST)


def test_the_listing_asks_for_what_trades_and_weighs_twenty() -> None:
    listing = provider.feedmux_upstream().listing
    assert listing is not None
    assert listing.request.target == (
        "/api/v3/exchangeInfo?permissions=SPOT&symbolStatus=TRADING&showPermissionSets=false"
    )
    assert listing.cost == 20
