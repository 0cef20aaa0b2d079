"""What each exchange answers, read: the recorded bodies, those made in the documented shape, and the errors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.conformance.case import packaged
from feedmux.errors import (
    FeedmuxError,
    InvalidQuery,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
    UnknownSymbol,
    UpstreamDown,
)
from feedmux.failure import failure_of
from feedmux.items import Candle, Quote
from feedmux.listing import Listed, Listing
from feedmux.query import Candles, Quotes
from feedmux.request import Asked, Reply
from feedmux_aggregator import EXCHANGES, bybit, coinbase, coinpaprika, kraken, kucoin, okx, provider

RECORDED = Path(__file__).parent / "recorded"
MADE = {case.name: case.content for case in packaged(Path(kraken.__file__).parent / "cases")}
NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
IDS = {"okx": "BTC-USDT", "bybit": "BTCUSDT", "kucoin": "BTC-USDT", "coinpaprika": "btc-bitcoin"}
MODULES = {"coinbase": coinbase, "kraken": kraken, "okx": okx, "bybit": bybit, "kucoin": kucoin}


def recorded(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def ids(member: str) -> dict[str, Listed]:
    return {"BTC": Listed("BTC", IDS.get(member, "BTC/USD"), "USD", "BTC/USD")}


def quotes(member: str, body: bytes) -> list[Quote]:
    module: Any = coinpaprika if member == "coinpaprika" else MODULES[member]
    found: list[Quote] = module.parse_quotes(body, Asked(Quotes(["BTC"]), NOW, ids(member), member))
    return found


def candles(member: str, body: bytes, interval: str = "1h", at: datetime = NOW) -> list[Candle]:
    asked = Asked(Candles("BTC", interval, 100), at, ids(member), member)
    found: list[Candle] = MODULES[member].parse_candles(body, asked)
    return found


def rows(candles: list[Candle]) -> list[tuple[float, float, float, float, float | None]]:
    return [(c.open, c.high, c.low, c.close, c.volume) for c in candles]


# quotes


def test_coinbase_gives_the_last_trade_and_its_time() -> None:
    (quote,) = quotes("coinbase", recorded("coinbase_ticker_BTC-USDT.json"))
    assert (quote.price, quote.pair, quote.volume_24h) == (73367.8, "BTC/USD", None)
    assert quote.observed_at == datetime(2024, 3, 13, 11, 10, 41, 270_099, UTC)
    (older,) = quotes("coinbase", recorded("coinbase_ticker_BTC-USD_2017.json"))
    assert older.price == 4417.01


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kraken_Ticker_XBTUSDT.json", (105899.4, 106613.1, 104711.0)),
        ("kraken_Ticker_BCHEUR_2017.json", (355.4, 369.0, 346.0)),
    ],
)
def test_kraken_gives_the_last_trade_and_the_range_of_24_hours(name: str, said: tuple[float, ...]) -> None:
    (quote,) = quotes("kraken", recorded(name))
    assert (quote.price, quote.high_24h, quote.low_24h) == said
    assert (quote.observed_at, quote.volume_24h) == (None, None)


def test_a_pair_that_never_traded_has_no_quote() -> None:
    nothing = b'{"c":["0.00000","0.00000000"],"h":["0.00000","0.00000"],"l":["0.00000","0.00000"]}'
    assert quotes("kraken", b'{"error":[],"result":{"BTC/USD":' + nothing + b"}}") == []


def test_okx_gives_turnover_in_the_quote_currency() -> None:
    (quote,) = quotes("okx", MADE["okx_quotes"])
    assert (quote.price, quote.high_24h, quote.low_24h) == (91236.4, 93110.0, 90006.7)
    assert quote.volume_24h == 712345678.912345
    assert quote.observed_at == NOON + timedelta(seconds=29.711)


def test_bybits_change_is_a_fraction_and_its_time_that_of_the_answer() -> None:
    (quote,) = quotes("bybit", MADE["bybit_quotes"])
    assert quote.change_pct_24h == pytest.approx(-1.54)
    assert (quote.price, quote.volume_24h) == (91237.9, 812345678.9123456)
    assert quote.observed_at == NOON + timedelta(seconds=30.017)


def test_bybit_knows_nothing_of_a_symbol_whose_list_is_empty() -> None:
    empty = b'{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[]},"retExtInfo":{},"time":1}'
    assert quotes("bybit", empty) == []


def test_kucoins_change_is_a_fraction_and_its_turnover_has_twenty_decimals() -> None:
    (quote,) = quotes("kucoin", MADE["kucoin_quotes"])
    assert quote.change_pct_24h == pytest.approx(-1.53)
    assert (quote.price, quote.change_24h, quote.volume_24h) == (91237.2, -1421.6, 284567890.12345679)


def test_kucoin_knows_nothing_of_a_market_whose_numbers_are_null() -> None:
    stats = msgspec.json.decode(MADE["kucoin_quotes"])
    nothing = dict.fromkeys(stats["data"]) | {"time": 1, "symbol": "BTC-USDT"}
    assert quotes("kucoin", msgspec.json.encode({**stats, "data": nothing})) == []


def test_coinpaprika_gives_market_cap_and_change() -> None:
    (quote,) = quotes("coinpaprika", recorded("coinpaprika_tickers_btc-bitcoin.json"))
    assert (quote.price, quote.name, quote.id) == (41389.57931641128, "Bitcoin", "btc-bitcoin")
    assert (quote.volume_24h, quote.market_cap, quote.change_pct_24h) == (
        35357658696.99645,
        787066061422.0,
        5.25,
    )
    assert quote.observed_at == datetime(2022, 4, 19, 15, 43, 22, tzinfo=UTC)


@pytest.mark.parametrize("member", ["okx", "bybit", "kucoin", "coinpaprika"])
def test_a_quote_of_another_market_is_none(member: str) -> None:
    other = MADE[f"{member}_quotes"].replace(b"BTCUSDT", b"ETHUSDT").replace(b"BTC-USDT", b"ETH-USDT")
    assert quotes(member, other.replace(b"btc-bitcoin", b"eth-ethereum")) == []


SEVERAL = {
    "kraken": {"BTC": "BTC/USD", "DOGE": "DOGE/USD"},
    "okx": {"BTC": "BTC-USDT", "ETH": "ETH-USDT"},
    "bybit": {"BTC": "BTCUSDT", "ETH": "ETHUSDT"},
    "kucoin": {"BTC": "BTC-USDT", "ETH": "ETH-USDT"},
    "coinpaprika": {"BTC": "btc-bitcoin", "ETH": "eth-ethereum"},
}


def several(member: str, body: bytes) -> dict[str, float]:
    named = SEVERAL[member]
    asked = Asked(Quotes([*named]), NOW, {s: Listed(s, own, "USD") for s, own in named.items()}, member)
    module: Any = coinpaprika if member == "coinpaprika" else MODULES[member]
    return {quote.symbol: quote.price for quote in module.parse_quotes(body, asked)}


@pytest.mark.parametrize(
    ("member", "prices"),
    [
        ("kraken", {"BTC": 91238.5, "DOGE": 0.2154313}),
        ("okx", {"BTC": 91236.4, "ETH": 3056.01}),
        ("bybit", {"BTC": 91237.9, "ETH": 3056.03}),
        ("kucoin", {"BTC": 91237.2, "ETH": 3056.05}),
        ("coinpaprika", {"BTC": 91233.77123, "ETH": 3056.12}),
    ],
)
def test_of_several_each_market_has_its_own_price(member: str, prices: dict[str, float]) -> None:
    assert several(member, MADE[f"{member}_quotes_several"]) == prices


def test_a_market_without_numbers_harms_no_other() -> None:
    body = MADE["okx_quotes_several"]
    assert b'"instId":"NEW-USDT","last":""' in body
    assert len(several("okx", body)) == 2
    with pytest.raises(ValueError, match="float"):
        several("okx", body.replace(b'"last":"3056.01"', b'"last":""'))


# candles


def test_coinbases_low_comes_first_and_its_newest_row_too() -> None:
    found = candles("coinbase", recorded("coinbase_candles_BTC-USD_60.json"), "1m")
    assert len(found) == 10
    assert found[0].opened_at == datetime(2018, 2, 1, tzinfo=UTC)
    assert rows(found)[0] == (10099.99, 10099.99, 10099.98, 10099.98, 1.87868123)
    assert found[-1].opened_at - found[0].opened_at == timedelta(minutes=9)
    (one,) = candles("coinbase", recorded("coinbase_candles_BTC-USDT_3600_one.json"))
    assert rows([one]) == [(73243.33, 73402.47, 73241.5, 73370.65, 1.56794406)]


@pytest.mark.parametrize(
    ("name", "key"),
    [("kraken_OHLC.json", "XBTUSDT"), ("kraken_OHLC_XXBTZUSD_1m_2017.json", "XXBTZUSD")],
)
def test_kraken_gives_every_row_whatever_the_series_is_called(name: str, key: str) -> None:
    said = msgspec.json.decode(recorded(name))["result"]
    found = candles("kraken", recorded(name), "1m")
    assert [c.opened_at.timestamp() for c in found] == [row[0] for row in said[key]]
    assert rows(found) == [(*map(float, row[1:5]), float(row[6])) for row in said[key]]


def test_krakens_last_row_still_runs_as_it_says_itself() -> None:
    body = recorded("kraken_OHLC.json")
    found = candles("kraken", body, "1m", datetime(2025, 11, 11, 0, 17, 4, tzinfo=UTC))
    finished = msgspec.json.decode(body)["result"]["last"]
    assert [c.opened_at.timestamp() for c in found if c.closed][-1] == finished
    assert [c.closed for c in found] == [True] * 720 + [False]


def test_okxs_rows_come_newest_first() -> None:
    found = candles("okx", recorded("okx_candles_1m_2025.json"), "1m")
    assert rows(found) == [
        (102806.0, 102820.5, 102783.1, 102806.1, 7164.04),
        (102806.1, 102820.4, 102806.1, 102820.4, 1040.37),
    ]


def test_kucoins_close_comes_before_its_high() -> None:
    found = candles("kucoin", MADE["kucoin_candles"])
    assert rows(found)[-1] == (91546.9, 91607.7, 91188.1, 91237.2, 1.5)


@pytest.mark.parametrize("member", MODULES)
def test_candles_are_oldest_first_and_only_the_running_one_is_open(member: str) -> None:
    found = candles(member, MADE[f"{member}_candles"])
    assert [c.opened_at for c in found] == [NOON - timedelta(hours=back) for back in (2, 1, 0)]
    assert [c.closed for c in found] == [True, True, False]
    assert candles(member, MADE[f"{member}_candles"], at=NOON + timedelta(hours=1))[-1].closed
    assert {(c.symbol, c.interval, c.pair) for c in found} == {("BTC", "1h", "BTC/USD")}


# listings


def listed(member: str, body: bytes) -> Listing:
    (found,) = (one for one in EXCHANGES if one.name == member)
    assert found.listing is not None
    return Listing.of(found.listing.parse(body))


@pytest.mark.parametrize(
    ("member", "id", "pair"),
    [
        ("coinbase", "BTC-USD", "BTC/USD"),
        ("kraken", "BTC/USD", "BTC/USD"),
        ("okx", "BTC-USDT", "BTC/USDT"),
        ("bybit", "BTCUSDT", "BTC/USDT"),
        ("kucoin", "BTC-USDT", "BTC/USDT"),
        ("coinpaprika", "btc-bitcoin", None),
    ],
)
def test_a_market_is_what_its_exchange_calls_it(member: str, id: str, pair: str | None) -> None:
    found = listed(member, MADE[f"{member}_listing"]).find("BTC", "USD")
    assert found is not None
    assert (found.id, found.pair) == (id, pair)


@pytest.mark.parametrize("symbol", ["OLD", "NEW", "XBT", "XDG"])
@pytest.mark.parametrize("member", [member.name for member in EXCHANGES])
def test_what_does_not_trade_or_has_another_name_is_not_listed(member: str, symbol: str) -> None:
    assert listed(member, MADE[f"{member}_listing"]).find(symbol, "USD") is None


def test_coinbases_products_are_listed_as_they_are_split_there() -> None:
    found = coinbase.parse_listing(recorded("coinbase_products_sample.json"))
    assert len(found) == 10
    assert Listed("LTC", "LTC-EUR", "EUR", "LTC/EUR") in found


def test_krakens_names_without_asset_version_are_not_taken_for_symbols() -> None:
    assert kraken.parse_listing(recorded("kraken_AssetPairs_subset.json")) == []


def test_a_variant_of_a_pair_does_not_stand_for_the_pair() -> None:
    found = kraken.parse_listing(MADE["kraken_listing"])
    assert "BTC/USD:BTNL" in MADE["kraken_listing"].decode()
    assert [entry.id for entry in found if entry.symbol == "BTC"] == ["BTC/USD", "BTC/USDT"]


def test_of_coins_that_share_a_symbol_the_largest_is_taken_and_marked() -> None:
    found = listed("coinpaprika", MADE["coinpaprika_listing"]).find("BTC", "USD")
    assert found is not None
    assert (found.id, found.ambiguous) == ("btc-bitcoin", True)


# errors


def failure(member: str, status: int, body: bytes) -> FeedmuxError | None:
    return failure_of(Reply(status, {}, body), provider.feedmux_upstream().of(member).failures, NOW)


@pytest.mark.parametrize(
    ("member", "status", "body", "error", "wait"),
    [
        ("coinbase", 404, b'{"message":"NotFound"}', NotFound, None),
        ("coinbase", 400, b'{"message":"Unsupported granularity"}', InvalidQuery, None),
        ("coinbase", 429, b'{"message":"Public rate limit exceeded"}', RateLimited, None),
        ("kraken", 200, b'{"error":["EQuery:Unknown asset pair"]}', UnknownSymbol, None),
        ("kraken", 200, b'{"error":["EGeneral:Too many requests"]}', RateLimited, None),
        ("kraken", 200, b'{"error":["EAPI:Rate limit exceeded"]}', RateLimited, None),
        ("kraken", 200, b'{"error":["EService:Unavailable"]}', UpstreamDown, None),
        ("kraken", 200, b'{"error":["EService:Busy"]}', UpstreamDown, None),
        ("okx", 200, b'{"code":"51001","data":[],"msg":"Instrument ID does not exist"}', UnknownSymbol, None),
        ("okx", 429, b'{"msg":"Too Many Requests","code":"50011"}', RateLimited, None),
        ("okx", 200, b'{"msg":"Too Many Requests","code":"50011"}', RateLimited, None),
        ("okx", 403, b"<html></html>", Unavailable, None),
        ("bybit", 200, b'{"retCode":10001,"retMsg":"params error: symbol invalid"}', UnknownSymbol, None),
        ("bybit", 200, b'{"retCode":10001,"retMsg":"Invalid period!"}', InvalidQuery, None),
        ("bybit", 200, b'{"retCode":10006,"retMsg":"Too many visits!","result":{}}', RateLimited, None),
        ("bybit", 200, b'{"retCode":10016,"retMsg":"Internal System Error"}', UpstreamDown, None),
        ("bybit", 403, b'{"retMsg":"access too frequent"}', RateLimited, 600),
        ("bybit", 403, b"<html>block access from your country</html>", Unavailable, None),
        ("kucoin", 400, b'{"code":"400100","msg":"symbol not exists"}', UnknownSymbol, None),
        ("kucoin", 200, b'{"code":"400100","msg":"symbol not exists"}', UnknownSymbol, None),
        ("kucoin", 429, b'{"code":"429000","msg":"Too many requests"}', RateLimited, None),
        ("kucoin", 403, b'{"code":"400302"}', Unavailable, None),
        ("coinpaprika", 404, b'{"error":"id not found"}', NotFound, None),
        ("coinpaprika", 429, b'{"error":"Too many requests"}', RateLimited, None),
    ],
)
def test_every_error_has_its_meaning(
    member: str, status: int, body: bytes, error: type[FeedmuxError], wait: float | None
) -> None:
    found = failure(member, status, body)
    assert type(found) is error
    assert found.retry_after == wait


def test_kucoin_says_in_a_header_of_its_own_when_its_pool_is_whole_again() -> None:
    reply = Reply(429, {"gw-ratelimit-reset": "7500"}, b'{"code":"429000","msg":"Too many requests"}')
    found = failure_of(reply, kucoin.MEMBER.errors, NOW)

    assert found is not None
    assert found.retry_after == 7.5


def test_what_a_plan_does_not_allow_is_the_operators_matter() -> None:
    body = recorded("coinpaprika_error_402_payment_required.json")
    assert type(failure("coinpaprika", 402, body)) is Unauthorized


@pytest.mark.parametrize(
    "name", [name for name in MADE if name.endswith(("_quotes", "_candles", "_listing"))]
)
def test_an_answer_is_no_failure(name: str) -> None:
    assert failure(name.split("_")[0], 200, MADE[name]) is None


@pytest.mark.parametrize(
    ("member", "body"),
    [
        ("okx", b'{"code":"50000","msg":"Body for POST request cannot be empty","data":[]}'),
        ("kraken", b'{"error":["EGeneral:Invalid arguments"]}'),
        ("bybit", b'{"retCode":10002,"retMsg":"time","result":{},"time":1}'),
        ("kucoin", b'{"code":"900001","msg":"?"}'),
    ],
)
def test_an_error_that_no_dictionary_knows_is_no_answer(member: str, body: bytes) -> None:
    assert failure(member, 200, body) is None
    for read in (quotes, candles):
        with pytest.raises(ValueError, match=r"Invalid|Expected|missing"):
            read(member, body)
