"""Questions are canonical as soon as they are made, and say which field is wrong."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import (
    Balance,
    Candles,
    FearGreed,
    Gas,
    GlobalMarket,
    InvalidQuery,
    Markets,
    News,
    Quotes,
    Resources,
    Sentiment,
    Supply,
    Trending,
)
from feedmux.query import BUILT_IN


def wrong_field(query, **fields):
    with pytest.raises(InvalidQuery) as refused:
        query(**fields)
    return refused.value.field


def test_equal_questions_are_one_question():
    assert Quotes(["btc", "ETH", "BTC"], vs="usd") == Quotes("BTC,eth") == Quotes(("BTC", "ETH"))
    assert hash(Quotes(["btc"])) == hash(Quotes(["BTC"]))


def test_a_chain_is_written_in_one_way():
    assert Gas(chain=" Ethereum") == Gas()
    assert Balance("0x" + "a" * 40, chain="POLYGON").chain == "polygon"


def test_the_callers_order_is_kept():
    assert Quotes(["ETH", "BTC"]).symbols == ("ETH", "BTC")


@pytest.mark.parametrize(
    ("query", "fields", "field"),
    [
        (Quotes, {"symbols": []}, "symbols"),
        (Quotes, {"symbols": [f"S{n}" for n in range(1001)]}, "symbols"),
        (Quotes, {"symbols": ["B T"]}, "symbols"),
        (Quotes, {"symbols": 5}, "symbols"),
        (Quotes, {"symbols": ["BTC", 5]}, "symbols"),
        (Quotes, {"symbols": ["BTC"], "vs": "US-D"}, "vs"),
        (Quotes, {"symbols": ["BTC"], "vs": 1}, "vs"),
        (Candles, {"symbol": ""}, "symbol"),
        (Candles, {"symbol": "BTC", "interval": "7m"}, "interval"),
        (Candles, {"symbol": "BTC", "limit": 0}, "limit"),
        (Candles, {"symbol": "BTC", "limit": 1001}, "limit"),
        (Candles, {"symbol": "BTC", "limit": 1.5}, "limit"),
        (Candles, {"symbol": "BTC", "limit": True}, "limit"),
        (Markets, {"limit": -1}, "limit"),
        (Trending, {"limit": "5"}, "limit"),
        (FearGreed, {"limit": 10_001}, "limit"),
        (Supply, {"asset": "a b"}, "asset"),
        (Balance, {"address": "0x12"}, "address"),
        (Gas, {"chain": "x" * 41}, "chain"),
        (Gas, {"chain": "eth/mainnet"}, "chain"),
        (Gas, {"chain": 1}, "chain"),
        (Balance, {"address": "0x" + "0" * 40, "chain": ""}, "chain"),
        (News, {"text": "x" * 201}, "text"),
        (Sentiment, {"texts": [""]}, "texts"),
        (Sentiment, {"texts": []}, "texts"),
        (Resources, {"category": "x" * 81}, "category"),
    ],
)
def test_a_wrong_field_is_named(query, fields, field):
    assert wrong_field(query, **fields) == field


@pytest.mark.parametrize(
    ("query", "given_strings", "field"),
    [
        (Quotes, {}, "symbols"),
        (Quotes, {"symbols": [""]}, "symbols"),
        (Quotes, {"symbols": ["BTC"], "symbls": ["x"]}, "symbls"),
        (Quotes, {"symbols": ["BTC"], "vs": ["USD", "EUR"]}, "vs"),
        (Candles, {"symbol": ["BTC"], "limit": ["many"]}, "limit"),
        (Candles, {"symbol": ["BTC"], "limit": ["1.5"]}, "limit"),
        (GlobalMarket, {"limit": ["3"]}, "limit"),
    ],
)
def test_a_wrong_parameter_is_named(query, given_strings, field):
    with pytest.raises(InvalidQuery) as refused:
        query.from_strings(given_strings)
    assert refused.value.field == field


def test_lists_may_be_repeated_or_separated_by_commas():
    wanted = Quotes(["BTC", "ETH", "SOL"])

    assert Quotes.from_strings({"symbols": ["btc,eth", "sol"]}) == wanted
    assert Quotes.from_strings({"symbols": ["btc", "eth", "sol,"]}) == wanted


examples = st.sampled_from(
    [
        Quotes(["BTC", "coingecko:bitcoin"], vs="EUR"),
        Candles("ETH", interval="4h", limit=7),
        Markets(3),
        Trending(),
        GlobalMarket(),
        FearGreed(30),
        Gas("polygon"),
        Supply("eth"),
        Balance("0x" + "aB" * 20),
        News("ether", limit=5),
        Resources("news"),
    ]
)


@given(examples)
def test_what_it_writes_it_reads_back(query):
    assert type(query).from_strings(query.to_strings()) == query


def test_free_texts_keep_their_commas():
    query = Sentiment(["Bitcoin falls, hard", "so what"])

    assert query.to_strings() == {"texts": ["Bitcoin falls, hard", "so what"]}
    assert Sentiment.from_strings(query.to_strings()) == query


@given(
    st.dictionaries(
        st.sampled_from(["symbols", "symbol", "vs", "limit", "interval", "x"]),
        st.lists(st.text(max_size=12), max_size=2),
        max_size=4,
    )
)
def test_whatever_the_parameters_it_is_a_question_or_an_error_that_names_its_field(given_strings):
    for query in (Quotes, Candles, Markets):
        try:
            made = query.from_strings(given_strings)
        except InvalidQuery as refused:
            assert refused.field in {*given_strings, *query.__struct_fields__}
        else:
            assert query.from_strings(made.to_strings()) == made


def test_a_question_of_many_falls_into_one_part_for_each():
    assert Quotes(["BTC", "ETH"], vs="EUR").parts() == (Quotes(["BTC"], vs="EUR"), Quotes(["ETH"], vs="EUR"))
    assert Candles("BTC").parts() == (Candles("BTC"),)


def test_a_series_is_cut_to_its_newest_and_a_list_to_its_first():
    assert Candles("BTC", limit=2).cut([1, 2, 3]) == [2, 3]
    assert Markets(2).cut([1, 2, 3]) == [1, 2]


@pytest.mark.parametrize(("interval", "fresh"), [("1m", 6.0), ("5m", 30.0), ("1h", 60.0), ("1w", 60.0)])
def test_candles_are_fresh_for_a_tenth_of_their_interval_at_most_a_minute(interval, fresh):
    assert Candles("BTC", interval=interval).fresh == fresh


def test_every_question_has_a_name_and_a_path_of_its_own():
    assert (
        len({query.capability for query in BUILT_IN})
        == len({query.path for query in BUILT_IN})
        == len(BUILT_IN)
    )


def test_questions_cannot_be_changed():
    with pytest.raises(AttributeError):
        Quotes(["BTC"]).vs = "EUR"


def test_a_class_without_a_capability_is_refused():
    with pytest.raises(TypeError, match="capability"):

        class Nameless(Quotes, frozen=True):
            capability = ""


def test_questions_are_encodable():
    assert msgspec.json.decode(msgspec.json.encode(Quotes(["BTC"])), type=Quotes) == Quotes(["BTC"])


def test_what_is_no_text_is_no_symbol():
    with pytest.raises(InvalidQuery) as refused:
        Quotes([["BTC"]])

    assert refused.value.field == "symbols"
