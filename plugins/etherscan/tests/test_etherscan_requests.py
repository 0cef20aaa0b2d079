"""What is sent to Etherscan, and how often."""

from datetime import UTC, datetime
from importlib.metadata import entry_points

import pytest

from feedmux.errors import InvalidQuery
from feedmux.query import Balance, Gas, Query, Quotes, Supply
from feedmux.request import Asked
from feedmux_etherscan import Transactions, provider

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ADDRESS = "0x4193122032b38236825BBa166F42e54fc3F4A1EE"
LOWER = ADDRESS.lower()


def target(query: Query) -> str:
    return provider.feedmux_request(Asked(query, NOW)).target


def test_it_is_found_under_its_name() -> None:
    (found,) = entry_points(group="feedmux.providers", name="etherscan")
    assert found.load() is provider


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (Gas(), "chainid=1&module=gastracker&action=gasoracle"),
        (Gas("polygon"), "chainid=137&module=gastracker&action=gasoracle"),
        (Quotes(("ETH",)), "chainid=1&module=stats&action=ethprice"),
        (Supply(), "chainid=1&module=stats&action=ethsupply2"),
        (Balance(ADDRESS), f"chainid=1&module=account&action=balance&address={LOWER}&tag=latest"),
        (
            Transactions(ADDRESS, "gnosis"),
            f"chainid=100&module=account&action=txlist&address={LOWER}&page=1&offset=20&sort=desc",
        ),
    ],
)
def test_each_question_is_one_action_on_one_chain(query: Query, sent: str) -> None:
    assert target(query) == f"/v2/api?{sent}"


@pytest.mark.parametrize("query", [Gas("bitcoin"), Balance(ADDRESS, "base"), Transactions(ADDRESS, "")])
def test_a_chain_that_the_free_plan_lacks_is_not_asked_about(query: Query) -> None:
    assert "ethereum, polygon" in provider.feedmux_upstream().refuses[type(query)](query)


def test_the_supply_of_another_asset_is_not_asked_for() -> None:
    refuses = provider.feedmux_upstream().refuses[Supply]
    assert refuses(Supply("BTC"))
    assert not refuses(Supply("ETH"))


def test_the_price_in_dollars_and_in_bitcoin_is_one_request() -> None:
    assert target(Quotes(("ETH",), "USD")) == target(Quotes(("ETH",), "BTC"))


@pytest.mark.parametrize(("asked", "sent"), [(1, 20), (20, 20), (21, 100), (101, 1000), (1000, 1000)])
def test_lists_of_similar_length_share_one_request(asked: int, sent: int) -> None:
    assert f"offset={sent}&" in target(Transactions(ADDRESS, limit=asked))


def test_an_address_is_one_address_however_it_is_written() -> None:
    assert Transactions(f" {ADDRESS}") == Transactions(LOWER)
    assert target(Balance(ADDRESS)) == target(Balance(LOWER))


@pytest.mark.parametrize("address", ["", "0x12", LOWER + "0", "vitalik.eth"])
def test_what_is_no_address_is_an_invalid_question(address: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        Transactions(address)
    assert refused.value.field == "address"


def test_the_key_is_required_and_travels_as_a_parameter() -> None:
    key = provider.feedmux_upstream().key
    assert key is not None
    assert (key.param, key.header, key.required) == ("apikey", "", True)
    assert "apikey" not in target(Gas())


def test_it_is_a_small_share_of_the_traffic() -> None:
    assert provider.feedmux_limits().weight == 5


def test_a_free_key_may_call_three_times_a_second_and_a_hundred_thousand_times_a_day() -> None:
    assert [(w.limit, w.per) for w in provider.feedmux_limits().windows] == [(3, 1), (100_000, 86_400)]


@pytest.mark.parametrize(
    ("plan", "second", "day"),
    [
        ("lite", 5, 100_000),
        ("standard", 10, 200_000),
        ("advanced", 20, 500_000),
        ("professional", 30, 1_000_000),
    ],
)
def test_a_paid_plan_allows_more(plan: str, second: int, day: int) -> None:
    windows = provider.feedmux_upstream().plans[plan].windows or ()
    assert [(w.limit, w.per) for w in windows] == [(second, 1), (day, 86_400)]
