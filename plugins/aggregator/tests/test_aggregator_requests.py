"""What is sent to each exchange, what of it costs, and what is not sent at all."""

from datetime import UTC, datetime
from importlib.metadata import entry_points

import pytest

from feedmux.items import INTERVALS
from feedmux.limits import Counts
from feedmux.listing import Listed
from feedmux.provider import Member
from feedmux.query import Candles, Quotes
from feedmux.request import Asked
from feedmux_aggregator import EXCHANGES, provider
from feedmux_aggregator.market import VOICES

NOW = datetime(2026, 11, 24, tzinfo=UTC)
IDS = {
    "coinbase": "BTC-USD",
    "kraken": "BTC/USD",
    "okx": "BTC-USDT",
    "bybit": "BTCUSDT",
    "kucoin": "BTC-USDT",
    "coinpaprika": "btc-bitcoin",
}
BY_NAME = {member.name: member for member in EXCHANGES}
WITH_CANDLES = [member.name for member in EXCHANGES if len(member.endpoints) == 2]


def asked(query: Quotes | Candles, member: str, at: datetime = NOW) -> Asked[Quotes | Candles]:
    return Asked(query, at, {"BTC": Listed("BTC", IDS[member], "USD", "BTC/USD")}, member)


def target(query: Quotes | Candles, member: str) -> str:
    return provider.feedmux_request(asked(query, member)).target


def lacks(member: str, query: Candles) -> str:
    refuses = provider.feedmux_upstream().of(member).refuses[Candles]
    return refuses(query)


def test_it_is_found_under_its_name() -> None:
    (found,) = entry_points(group="feedmux.providers", name="aggregator")
    assert found.load() is provider


@pytest.mark.parametrize(
    ("member", "sent"),
    [
        ("coinbase", "/products/BTC-USD/ticker"),
        ("kraken", "/0/public/Ticker?pair=BTC%2FUSD&assetVersion=1"),
        ("okx", "/api/v5/market/ticker?instId=BTC-USDT"),
        ("bybit", "/v5/market/tickers?category=spot&symbol=BTCUSDT"),
        ("kucoin", "/api/v1/market/stats?symbol=BTC-USDT"),
        ("coinpaprika", "/v1/tickers/btc-bitcoin?quotes=USD"),
    ],
)
def test_a_quote_asks_for_one_market(member: str, sent: str) -> None:
    assert target(Quotes(["BTC"]), member) == sent


@pytest.mark.parametrize(
    ("member", "batch", "sent"),
    [
        ("coinbase", 1, None),
        ("kraken", 50, "/0/public/Ticker?pair=BTC%2FUSD,ETH%2FUSD&assetVersion=1"),
        ("okx", 1000, "/api/v5/market/tickers?instType=SPOT"),
        ("bybit", 1000, "/v5/market/tickers?category=spot"),
        ("kucoin", 1000, "/api/v1/market/allTickers"),
        ("coinpaprika", 1000, "/v1/tickers?quotes=USD"),
    ],
)
def test_several_quotes_are_one_request_where_an_exchange_has_one(
    member: str, batch: int, sent: str | None
) -> None:
    (terms,) = (one.terms for one in BY_NAME[member].endpoints if one.query is Quotes)
    assert terms.batch == batch
    if sent is not None:
        both = {"BTC": Listed("BTC", "BTC/USD", "USD"), "ETH": Listed("ETH", "ETH/USD", "USD")}
        several = Asked(Quotes(["BTC", "ETH"]), NOW, both, member)
        assert provider.feedmux_request(several).target == sent


@pytest.mark.parametrize(
    ("member", "sent"),
    [
        ("coinbase", "/products/BTC-USD/candles?granularity=3600"),
        ("kraken", "/0/public/OHLC?pair=BTC%2FUSD&interval=60&assetVersion=1"),
        ("okx", "/api/v5/market/candles?instId=BTC-USDT&bar=1H&limit=100"),
        ("bybit", "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=60&limit=200"),
        ("kucoin", "/api/v1/market/candles?symbol=BTC-USDT&type=1hour"),
    ],
)
def test_candles_ask_for_the_latest(member: str, sent: str) -> None:
    assert target(Candles("BTC", "1h", 100), member) == sent


@pytest.mark.parametrize(
    ("member", "limit", "sent"),
    [("okx", 101, 300), ("okx", 300, 300), ("bybit", 200, 200), ("bybit", 201, 1000)],
)
def test_questions_of_similar_length_share_one_request(member: str, limit: int, sent: int) -> None:
    assert provider.feedmux_request(asked(Candles("BTC", "1h", limit), member)).params["limit"] == sent


def test_days_and_weeks_are_those_in_utc() -> None:
    assert [
        provider.feedmux_request(asked(Candles("BTC", interval), "okx")).params["bar"]
        for interval in ("1d", "1w")
    ] == ["1Dutc", "1Wutc"]


@pytest.mark.parametrize("member", IDS)
def test_requests_do_not_depend_on_when_they_are_made(member: str) -> None:
    later = NOW.replace(year=2027)
    questions: list[Quotes | Candles] = [Quotes(["BTC"])]
    questions += [Candles("BTC", "1h", 10)] if member in WITH_CANDLES else []
    for question in questions:
        made = [provider.feedmux_request(asked(question, member, at)).key for at in (NOW, later)]
        assert made[0] == made[1]


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("member", WITH_CANDLES)
def test_an_interval_is_asked_for_by_its_name_or_refused(member: str, interval: str) -> None:
    question = Candles("BTC", interval, 10)
    if member == "coinbase" and interval in ("30m", "4h", "1w"):
        assert lacks(member, question) == f"it has no candles of {interval}"
    else:
        assert not lacks(member, question)
        assert target(question, member)


@pytest.mark.parametrize(
    ("member", "most"), [("coinbase", 300), ("kraken", 720), ("okx", 300), ("bybit", 1000), ("kucoin", 100)]
)
def test_more_candles_than_an_exchange_gives_are_refused(member: str, most: int) -> None:
    assert not lacks(member, Candles("BTC", "1h", most))
    if most < 1000:
        assert lacks(member, Candles("BTC", "1h", most + 1)) == f"it gives {most} candles at most"


@pytest.mark.parametrize(
    ("member", "sent", "cost"),
    [
        ("coinbase", "/products", 1),
        ("kraken", "/0/public/AssetPairs?assetVersion=1", 1),
        ("okx", "/api/v5/public/instruments?instType=SPOT", 1),
        ("bybit", "/v5/market/instruments-info?category=spot", 1),
        ("kucoin", "/api/v2/symbols", 4),
        ("coinpaprika", "/v1/tickers?quotes=USD", 1),
    ],
)
def test_each_member_reads_its_own_listing(member: str, sent: str, cost: int) -> None:
    listing = provider.feedmux_upstream().of(member).listing
    assert listing is not None
    assert (listing.request.target, listing.cost) == (sent, cost)


@pytest.mark.parametrize("member", EXCHANGES, ids=lambda member: member.name)
def test_each_member_has_hosts_an_origin_limits_and_a_health_check_of_its_own(member: Member) -> None:
    others = [one for one in EXCHANGES if one is not member]
    assert not {*member.hosts} & {host for one in others for host in one.hosts}
    assert member.origin == member.name
    assert member.limits is not None
    assert member.limits.windows
    assert member.health is not None


def test_three_are_asked_for_a_quote_and_one_for_candles() -> None:
    terms = [(endpoint.query, endpoint.terms) for member in EXCHANGES for endpoint in member.endpoints]
    assert {said.fan_out for query, said in terms if query is Quotes} == {VOICES} == {3}
    assert {said.fan_out for query, said in terms if query is Candles} == {1}
    assert {said.batch for query, said in terms if query is Candles} == {1}


def test_kucoin_counts_weight_and_the_others_count_requests() -> None:
    counts = {member.name: {w.counts for w in member.limits.windows} for member in EXCHANGES if member.limits}
    assert counts.pop("kucoin") == {Counts.COST}
    assert all(each == {Counts.REQUESTS} for each in counts.values())
    costs = {endpoint.query: endpoint.terms.cost for endpoint in BY_NAME["kucoin"].endpoints}
    assert costs == {Quotes: 15, Candles: 3}


def test_coinpaprika_has_quotes_in_dollars_alone() -> None:
    (endpoint,) = BY_NAME["coinpaprika"].endpoints
    assert (endpoint.query, endpoint.currencies) == (Quotes, frozenset({"USD"}))
