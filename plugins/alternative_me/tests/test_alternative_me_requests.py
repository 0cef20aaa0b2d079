"""What is sent to alternative.me, and how often."""

from datetime import UTC, datetime
from importlib.metadata import entry_points

import pytest

from feedmux.query import FearGreed, GlobalMarket, Markets, Quotes
from feedmux.request import Asked
from feedmux_alternative_me import (
    fear_greed_request,
    global_request,
    markets_request,
    provider,
    quotes_request,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_it_is_found_under_its_name() -> None:
    (found,) = entry_points(group="feedmux.providers", name="alternative_me")
    assert found.load() is provider


@pytest.mark.parametrize(("asked", "sent"), [(1, 30), (30, 30), (31, 365), (365, 365), (366, 0), (10_000, 0)])
def test_questions_of_similar_length_share_one_request(asked: int, sent: int) -> None:
    assert fear_greed_request(Asked(FearGreed(asked), NOW)).target == f"/fng/?limit={sent}"


def test_quotes_of_any_symbols_and_the_market_table_are_one_request() -> None:
    requests = [
        quotes_request(Asked(Quotes(("BTC",)), NOW)),
        quotes_request(Asked(Quotes(("ETH", "SOL")), NOW)),
        markets_request(Asked(Markets(5), NOW)),
    ]
    assert {request.target for request in requests} == {"/v2/ticker/?limit=0&structure=array"}


def test_another_currency_is_asked_for() -> None:
    request = quotes_request(Asked(Quotes(("BTC",), "EUR"), NOW))
    assert request.target == "/v2/ticker/?limit=0&structure=array&convert=EUR"


def test_it_may_be_asked_sixty_times_a_minute_over_ten_minutes() -> None:
    assert {(w.limit, w.per) for w in provider.feedmux_limits().windows} == {(60, 60), (600, 600)}


def test_one_request_serves_as_many_symbols_as_a_question_can_hold() -> None:
    limits = provider.feedmux_limits()
    assert limits.serves[Quotes].batch == 1000
    assert {terms.ttl for terms in limits.serves.values()} == {300}


def test_it_has_no_listing() -> None:
    assert provider.feedmux_upstream().listing is None


def test_the_whole_market_is_one_request_with_the_slash_that_it_wants() -> None:
    assert global_request(Asked(GlobalMarket(), NOW)).target == "/v2/global/"
