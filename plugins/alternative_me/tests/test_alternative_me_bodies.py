"""What alternative.me answered, read: every recorded body, errors included."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.errors import BadPayload, FeedmuxError, NotFound, RateLimited, UpstreamDown
from feedmux.failure import failure_of
from feedmux.items import SentimentIndex
from feedmux.query import FearGreed, GlobalMarket, Markets, Quotes
from feedmux.request import Asked, Reply
from feedmux_alternative_me import parse_fear_greed, parse_global, parse_markets, parse_quotes, provider

RECORDED = Path(__file__).parent / "recorded"
DOCUMENTED = Path(__file__).parent / "documented"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def body(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def index(name: str) -> list[SentimentIndex]:
    return parse_fear_greed(body(name), Asked(FearGreed(), NOW))


def quotes(*symbols: str, vs: str = "USD") -> Asked[Quotes]:
    return Asked(Quotes(symbols, vs), NOW)


def ticker(*changes: dict[str, Any]) -> bytes:
    """Bitcoin's recorded row, once for each change, in the shape that is asked for."""
    bitcoin = msgspec.json.decode(body("v2_ticker_2020.json"))["data"]["1"]
    return msgspec.json.encode({"data": [{**bitcoin, **change} for change in changes]})


def usd(**money: float | None) -> dict[str, Any]:
    return {"USD": {"price": 1.5, "market_cap": 10, **money}}


def test_the_index_comes_oldest_first_at_midnight() -> None:
    found = index("fng_limit2.json")
    assert [(day.value, day.classification) for day in found] == [(71, "greed"), (71, "greed")]
    assert [day.observed_at for day in found] == [
        datetime(2026, 9, 24, tzinfo=UTC),
        datetime(2026, 9, 25, tzinfo=UTC),
    ]


def test_the_classes_are_the_upstreams_own() -> None:
    assert [(day.value, day.classification) for day in index("fng_limit2_2022.json")] == [
        (26, "fear"),
        (25, "extreme_fear"),
    ]


def test_a_single_day_is_read() -> None:
    (today,) = index("fng_limit1_2025.json")
    assert (today.value, today.observed_at) == (72, datetime(2025, 4, 23, tzinfo=UTC))


def test_the_whole_history_is_read_with_its_missing_days() -> None:
    found = index("fng_limit0_full_history.json")
    days = [day.observed_at.date().isoformat() for day in found if day.observed_at]
    assert len(found) == 3044
    assert days == sorted(days)
    assert not {"2018-04-14", "2018-04-15", "2018-04-16", "2024-10-26"} & set(days)
    assert Counter(day.classification for day in found) == {
        "fear": 876,
        "greed": 790,
        "extreme_fear": 698,
        "neutral": 399,
        "extreme_greed": 281,
    }


def test_lines_of_csv_inside_the_envelope_are_no_answer() -> None:
    with pytest.raises(msgspec.DecodeError):
        index("fng_limit0_format_csv.txt")


def test_a_quote_says_what_the_row_says() -> None:
    (quote,) = parse_quotes(body("v2_ticker_bitcoin_2021.json"), quotes("BTC"))
    assert (quote.symbol, quote.id, quote.name, quote.vs) == ("BTC", "1", "Bitcoin", "USD")
    assert (quote.price, quote.volume_24h, quote.market_cap) == (63145.0, 31170243562, 1191571036912)
    assert (quote.change_24h, quote.change_pct_24h) == (None, 3.217162128751)
    assert quote.observed_at == datetime.fromtimestamp(1635197860, UTC)


def test_the_documented_array_is_read_as_well_as_the_dictionary() -> None:
    (quote,) = parse_quotes(ticker({}), quotes("BTC"))
    assert quote == parse_quotes(body("v2_ticker_2020.json"), quotes("BTC"))[0]


def test_quotes_come_in_the_order_asked_and_what_is_not_there_is_left_out() -> None:
    found = parse_quotes(body("v2_ticker_2020.json"), quotes("ETH", "NOPE", "BTC"))
    assert [quote.symbol for quote in found] == ["ETH", "BTC"]


def test_each_row_says_how_old_it_is() -> None:
    factom, bitcoin = parse_quotes(body("v2_ticker_2020.json"), quotes("FCT", "BTC"))
    assert factom.observed_at is not None
    assert bitcoin.observed_at is not None
    assert (bitcoin.observed_at - factom.observed_at).days > 140


def test_a_currency_that_the_body_lacks_has_no_quotes() -> None:
    assert parse_quotes(body("v2_ticker_2020.json"), quotes("BTC", vs="EUR")) == []


def test_a_quote_in_another_currency_takes_that_currencys_numbers() -> None:
    both = ticker({"quotes": {**usd(), "EUR": {"price": 1.25, "market_cap": 8}}})
    (quote,) = parse_quotes(both, quotes("BTC", vs="EUR"))
    assert (quote.vs, quote.price, quote.market_cap) == ("EUR", 1.25, 8)


def test_of_coins_that_share_a_symbol_the_largest_is_taken_and_said_to_be_ambiguous() -> None:
    shared = ticker({"id": 7, "quotes": usd(market_cap=None)}, {}, {"id": 9, "quotes": usd()})
    (quote,) = parse_quotes(shared, quotes("BTC"))
    assert (quote.id, quote.ambiguous) == ("1", True)
    (exact,) = parse_quotes(shared, quotes("alternative_me:9"))
    assert (exact.symbol, exact.id, exact.ambiguous) == ("alternative_me:9", "9", False)


@pytest.mark.parametrize(
    "change", [{"last_updated": None}, {"last_updated": 0}, {"quotes": {"USD": {"price": None}}}]
)
def test_a_row_without_a_price_or_a_time_is_left_out(change: dict[str, Any]) -> None:
    assert parse_quotes(ticker(change), quotes("BTC")) == []
    assert parse_markets(ticker(change), Asked(Markets(), NOW)) == []


def test_the_market_table_comes_largest_first() -> None:
    found = parse_markets(body("v2_ticker_2020.json"), Asked(Markets(), NOW))
    caps = [coin.market_cap or 0 for coin in found]
    assert len(found) == 22
    assert caps == sorted(caps, reverse=True)
    assert (found[0].symbol, found[0].rank, found[0].circulating_supply) == ("BTC", 1, 18158625)


def test_zero_means_unknown() -> None:
    unknown = ticker({"rank": 0, "circulating_supply": 0, "quotes": usd(market_cap=0)})
    (coin,) = parse_markets(unknown, Asked(Markets(), NOW))
    assert (coin.rank, coin.circulating_supply, coin.market_cap) == (None, None, None)


def whole_market(**changes: Any) -> bytes:
    """The documented body, changed in its data."""
    document = msgspec.json.decode((DOCUMENTED / "v2_global_convert_EUR.json").read_bytes())
    return msgspec.json.encode({**document, "data": {**document["data"], **changes}})


def test_the_whole_market_is_read_in_dollars() -> None:
    (row,) = parse_global(whole_market(), Asked(GlobalMarket(), NOW))
    assert (row.market_cap, row.volume_24h, row.coins) == (199872021187, 11884460489, 935)
    assert (row.btc_dominance_pct, row.change_pct_24h) == (55.38, None)
    assert row.observed_at == datetime(2018, 9, 20, 10, 9, 23, tzinfo=UTC)


@pytest.mark.parametrize(("sent", "percent"), [(0.638978, 63.8978), (0.0, 0.0), (55.38, 55.38), (None, None)])
def test_bitcoins_part_is_in_percent_though_it_comes_as_a_fraction(
    sent: float | None, percent: float | None
) -> None:
    body = whole_market(bitcoin_percentage_of_market_cap=sent)
    (row,) = parse_global(body, Asked(GlobalMarket(), NOW))
    assert row.btc_dominance_pct == (None if percent is None else pytest.approx(percent))


def test_a_whole_market_that_says_nought_is_unknown() -> None:
    body = whole_market(quotes={"USD": {"total_market_cap": 0, "total_volume_24h": 0}})
    assert parse_global(body, Asked(GlobalMarket(), NOW)) == []


def failure(status: int, content: bytes) -> FeedmuxError | None:
    return failure_of(Reply(status, {}, content), provider.feedmux_upstream().failures, NOW)


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (200, b'{"data":null,"metadata":{"timestamp":1578936303,"error":"id not found"}}', BadPayload),
        (404, b"", NotFound),
        (429, b"<html>Too Many Requests</html>", RateLimited),
        (502, b"<html>Bad Gateway</html>", UpstreamDown),
    ],
)
def test_every_error_has_its_meaning(status: int, content: bytes, error: type[FeedmuxError]) -> None:
    assert type(failure(status, content)) is error


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.name)
def test_no_recorded_answer_is_taken_for_an_error(path: Path) -> None:
    assert failure(200, path.read_bytes()) is None
