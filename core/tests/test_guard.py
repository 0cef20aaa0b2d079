"""Nothing is kept that cannot be true: foreign, from the future, too old, or a jump that nobody confirms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated.engine import world
from simulated.providers import endpoint, provider
from simulated.remote import Remote, body

from feedmux import BadPayload, Candle, Candles, FearGreed, Quote, Quotes, SentimentIndex, Terms
from feedmux.event import Held, Tried
from feedmux.guard import Stamp, agree, jump, longest_stale, stamped, too_old
from feedmux.transport import Incoming

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BTC = Quotes(["BTC"])
TERMS = Terms(ttl=10)
STAMP = Stamp("exchange", "exchange", NOW)


def quote(price=100.0, *, seconds_ago=0.0, **fields):
    return Quote(symbol="BTC", price=price, observed_at=NOW - timedelta(seconds=seconds_ago), **fields)


def candle(hours_ago=0, **fields):
    opened_at = NOW - timedelta(hours=hours_ago)
    shape = {"symbol": "BTC", "interval": "1h", "open": 1, "high": 3, "low": 1, "close": 2, "closed": False}
    return Candle(opened_at=opened_at, **{**shape, **fields})


class TestStamping:
    def test_an_item_is_stamped_with_whose_word_it_is(self):
        (item,) = stamped([Quote(symbol="BTC", price=1)], BTC, STAMP)

        assert (item.provider, item.origin) == ("exchange", "exchange")
        assert item.fetched_at == item.observed_at == NOW

    def test_an_origin_and_a_time_of_the_upstreams_own_are_kept(self):
        (item,) = stamped([quote(seconds_ago=60, origin="elsewhere")], BTC, STAMP)

        assert item.origin == "elsewhere"
        assert item.observed_at == NOW - timedelta(seconds=60)

    def test_the_plugins_own_item_is_not_touched(self):
        item = quote()
        stamped([item], BTC, STAMP)

        assert item.provider == ""

    def test_a_candle_is_observed_at_its_close_or_when_fetched_whichever_is_earlier(self):
        closed, running = stamped([candle(3, closed=True), candle(0)], Candles("BTC"), STAMP)

        assert closed.observed_at == NOW - timedelta(hours=2)
        assert running.observed_at == NOW

    @pytest.mark.parametrize(
        "items", [None, 5, "text", {"a": 1}, [None], [1], [{"symbol": "BTC"}], [quote(), candle()], iter([])]
    )
    def test_what_is_no_list_of_its_items_is_refused(self, items):
        with pytest.raises(BadPayload, match="something else than a list of Quote"):
            stamped(items, BTC, STAMP)

    def test_too_many_items_are_refused(self):
        with pytest.raises(BadPayload, match="more than"):
            stamped([quote()] * 20_001, BTC, STAMP)

    @pytest.mark.parametrize("fields", [{"symbol": "ETH"}, {"interval": "4h"}])
    def test_a_foreign_candle_is_refused(self, fields):
        with pytest.raises(BadPayload, match="gave a candle of"):
            stamped([candle(1), candle(**fields)], Candles("BTC"), STAMP)

    @pytest.mark.parametrize(
        ("query", "item"),
        [(BTC, quote(vs="EUR")), (Candles("BTC"), candle(vs="EUR")), (Quotes(["BTC"], vs="EUR"), quote())],
    )
    def test_an_answer_in_another_currency_is_refused(self, query, item):
        with pytest.raises(BadPayload, match="currency"):
            stamped([item], query, STAMP)

    @given(st.permutations(range(6)), st.integers(0, 5))
    def test_a_series_comes_in_order_and_each_instant_once(self, hours, again):
        given_candles = [candle(hour) for hour in hours] + [candle(again, close=3)]

        series = stamped(given_candles, Candles("BTC"), STAMP)

        assert [item.opened_at for item in series] == [NOW - timedelta(hours=h) for h in range(5, -1, -1)]
        assert [item.close for item in series if item.opened_at == NOW - timedelta(hours=again)] == [3]


class TestAge:
    @pytest.mark.parametrize(("ahead", "refused"), [(0, False), (300, False), (301, True), (86_400, True)])
    def test_an_observation_lies_at_most_five_minutes_ahead(self, ahead, refused):
        assert bool(too_old([quote(seconds_ago=-ahead)], BTC, TERMS, NOW)) is refused

    def test_a_candle_that_opens_in_the_future_is_refused(self):
        series = stamped([candle(1), candle(-1)], Candles("BTC"), STAMP)

        assert "future" in too_old(series, Candles("BTC"), TERMS, NOW)

    @pytest.mark.parametrize(("age", "refused"), [(3600, False), (3601, True)])
    def test_what_is_older_than_max_stale_is_no_answer(self, age, refused):
        assert bool(too_old([quote(seconds_ago=age)], BTC, TERMS, NOW)) is refused

    def test_the_terms_may_shorten_max_stale_and_never_lengthen_it(self):
        assert longest_stale(BTC, Terms(ttl=10, max_stale=60)) == 60
        assert longest_stale(BTC, Terms(ttl=10, max_stale=1e9)) == 3600

    def test_of_a_series_the_newest_counts(self):
        days = [
            SentimentIndex(value=1, classification="fear", observed_at=NOW - timedelta(days=n))
            for n in range(9)
        ]

        assert too_old(days, FearGreed(9), Terms(ttl=300), NOW) == ""

    def test_no_items_are_not_too_old(self):
        assert too_old([], BTC, TERMS, NOW) == ""


class TestJumps:
    @pytest.mark.parametrize(
        ("price", "jumped"),
        [(129.9, False), (130.1, True), (70.1, False), (69.9, True), (0.1, True), (1e5, True)],
    )
    def test_more_than_30_percent_is_a_jump(self, price, jumped):
        assert bool(jump(quote(price), quote(100.0, seconds_ago=60), BTC)) is jumped

    def test_a_jump_is_measured_against_whatever_may_still_be_served(self):
        assert jump(quote(1000.0), quote(100.0, seconds_ago=3600), BTC)
        assert jump(quote(1000.0), quote(100.0, seconds_ago=3601), BTC) == ""

    def test_without_a_value_before_nothing_is_a_jump(self):
        assert jump(quote(1000.0), None, BTC) == ""

    def test_candles_do_not_jump(self):
        assert jump(candle(), candle(), Candles("BTC")) == ""

    @given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
    def test_items_agree_where_neither_is_a_jump_from_the_other(self, one, other):
        assert agree(quote(one), quote(other), BTC) is (abs(one / other - 1) <= 0.30)


def two(**remotes):
    return {name: (provider(ttl=1), remote) for name, remote in remotes.items()}


def held(answer):
    return [event for event in answer.trace.events if isinstance(event, Held)]


async def test_a_jump_that_another_provider_confirms_is_served():
    liar, other = Remote(), Remote()
    async with world(two(liar=liar, other=other)) as simulated:
        await simulated.mux.get(BTC)
        liar.prices["BTC"] = other.prices["BTC"] = 40.0
        await simulated.mux.clock.sleep(11)

        answer = await simulated.mux.get(BTC)

        assert [item.price for item in answer.items] == [40.0]
        assert not answer.stale
        assert len([e for e in answer.trace.events if isinstance(e, Tried)]) == 2
        assert len(held(answer)) == 2


async def test_a_jump_that_another_provider_contradicts_is_not_served_and_counts_against_it():
    liar, other = Remote(), Remote()
    liar.prices["BTC"] = 850e9
    async with world(two(liar=liar, other=other)) as simulated:
        await simulated.mux.get(BTC, only=["other"])
        await simulated.mux.clock.sleep(11)

        answers = []
        for _ in range(6):
            answers.append(await simulated.mux.get(BTC))
            await simulated.mux.clock.sleep(11)

        assert {item.price for answer in answers for item in answer.items} == {100.0}
        shares = {member.name: member.members[0].success_share for member in simulated.mux.providers()}
        assert shares["other"] == 1.0


async def test_a_jump_that_nobody_can_confirm_leaves_the_old_value_marked_stale():
    alone = Remote()
    async with world(two(alone=alone)) as simulated:
        await simulated.mux.get(BTC)
        alone.prices["BTC"] = 40.0
        await simulated.mux.clock.sleep(11)

        answer = await simulated.mux.get(BTC)

        assert ([item.price for item in answer.items], answer.stale) == ([100.0], True)
        assert [event.member for event in held(answer)] == ["alone"]


async def test_the_same_jump_in_the_members_next_answer_is_accepted():
    alone = Remote()
    async with world(two(alone=alone)) as simulated:
        await simulated.mux.get(BTC)
        alone.prices["BTC"] = 40.0
        await simulated.mux.clock.sleep(11)
        await simulated.mux.get(BTC)
        await simulated.mux.clock.sleep(2)

        answer = await simulated.mux.get(BTC)

        assert ([item.price for item in answer.items], answer.stale) == ([40.0], False)


async def test_another_jump_in_its_next_answer_is_not():
    alone = Remote()
    async with world(two(alone=alone)) as simulated:
        await simulated.mux.get(BTC)
        for price in (40.0, 4000.0):
            alone.prices["BTC"] = price
            await simulated.mux.clock.sleep(11)
            answer = await simulated.mux.get(BTC)

        assert ([item.price for item in answer.items], answer.stale) == ([100.0], True)


async def test_symbols_nobody_asked_for_are_no_answer_and_no_harm():
    chatty = Remote(script=lambda call: body({"prices": {"no symbol/at all": 1.0, "ETH": 5.0, "BTC": 7.0}}))
    async with world(two(chatty=chatty)) as simulated:
        answer = await simulated.mux.get(BTC)

        assert [(item.symbol, item.price) for item in answer.items] == [("BTC", 7.0)]
        assert answer.missing == {}


@pytest.mark.parametrize(
    "prices",
    [
        b'{"BTC": NaN}',
        b'{"BTC": Infinity}',
        b'{"BTC": 1e999}',
        b'{"BTC": -5}',
        b'{"BTC": 0}',
        b'{"BTC": -0.0}',
        b'{"BTC": null}',
        b'{"BTC": "5"}',
        b'{"BTC": 1e300}',
        b"[]",
        b"",
    ],
)
async def test_a_price_that_is_no_positive_number_is_never_served(prices):
    junk = Remote(script=lambda call: Incoming(200, {}, b'{"prices": ' + prices + b"}"))
    async with world(two(junk=junk)) as simulated:
        with pytest.raises(BadPayload):
            await simulated.mux.get(BTC)


async def test_an_empty_series_is_refused():
    empty = Remote()
    serves = endpoint(Candles, Terms(ttl=10))
    silent = type(serves)(Candles, serves.request, lambda body, asked: [], Terms(ttl=10))
    async with world({"empty": (provider(silent), empty)}) as simulated:
        with pytest.raises(BadPayload, match="no items"):
            await simulated.mux.get(Candles("BTC"))
