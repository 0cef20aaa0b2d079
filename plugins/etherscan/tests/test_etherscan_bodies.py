"""What Etherscan answered, read: every recorded body, errors included."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.errors import (
    FeedmuxError,
    InvalidQuery,
    RateLimited,
    Unauthorized,
    UnknownSymbol,
    UpstreamDown,
)
from feedmux.failure import failure_of
from feedmux.items import GasPrice, Quote
from feedmux.listing import Listing
from feedmux.query import Balance, Gas, Quotes, Supply
from feedmux.request import Asked, Reply
from feedmux_etherscan import (
    MARKETS,
    Transaction,
    Transactions,
    parse_balance,
    parse_gas,
    parse_quotes,
    parse_supply,
    parse_transactions,
    provider,
)

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ADDRESS = "0x4193122032B38236825BBa166F42e54fc3F4A1EE"


def body(name: str) -> bytes:
    (path,) = HERE.glob(f"*/{name}.json")
    return path.read_bytes()


def gas(name: str) -> GasPrice:
    (found,) = parse_gas(body(f"gastracker_gasoracle{name}"), Asked(Gas(), NOW))
    return found


def price(name: str, vs: str = "USD") -> Quote:
    listed = Listing.of(MARKETS).find("ETH", vs)
    assert listed is not None
    (found,) = parse_quotes(body(f"stats_ethprice_{name}"), Asked(Quotes(("ETH",), vs), NOW, {"ETH": listed}))
    return found


def transactions(content: bytes) -> Sequence[Transaction]:
    return parse_transactions(content, Asked(Transactions(ADDRESS), NOW))


def failure(content: bytes, status: int = 200) -> FeedmuxError | None:
    return failure_of(Reply(status, {}, content), provider.feedmux_upstream().failures, NOW)


@pytest.mark.parametrize(
    ("name", "slow", "standard", "fast", "base_fee"),
    [
        ("_2021-02_pre_london", 248, 269, 294, None),
        ("_2021-09", 47, 47, 47, 46.111878343),
        ("_2022-10_a", 8, 9, 9, 7.376342631),
        ("_2022-10_b", 10, 11, 55, 9.849758735),
        ("_2025-09_decimals", 0.496839934, 0.496840168, 0.55411917, 0.496839934),
        ("", 20, 22, 24, 19.230609716),
    ],
)
def test_gas_is_in_gwei_whole_or_not(
    name: str, slow: float, standard: float, fast: float, base_fee: float | None
) -> None:
    found = gas(name)
    assert (found.chain, found.slow, found.standard, found.fast) == ("ethereum", slow, standard, fast)
    assert found.base_fee == base_fee


def test_the_price_of_ether_comes_in_dollars_and_in_bitcoin_each_with_its_time() -> None:
    dollars, bitcoin = price("2020-05"), price("2020-05", "BTC")
    assert (dollars.price, dollars.vs, dollars.pair, dollars.id) == (190.57, "USD", "ETH/USD", "ethusd")
    assert (bitcoin.price, bitcoin.vs, bitcoin.pair, bitcoin.id) == (0.0217, "BTC", "ETH/BTC", "ethbtc")
    assert dollars.observed_at == datetime(2020, 5, 10, 13, 59, 32, tzinfo=UTC)
    assert bitcoin.observed_at == datetime(2020, 5, 10, 13, 59, 40, tzinfo=UTC)


def test_a_message_that_is_more_than_ok_is_still_an_answer() -> None:
    assert failure(body("stats_ethprice_v1_keyless_2021")) is None
    assert price("v1_keyless_2021").price == 1400.0


def test_the_supply_counts_what_staking_minted_and_fees_burnt() -> None:
    (found,) = parse_supply(body("stats_ethsupply2"), Asked(Supply(), NOW))
    assert (found.asset, found.decimals) == ("ETH", 18)
    assert found.total == 122373866217800000000000000 + 1157529105115885000000000 - 3102505506455601519229842


def test_a_balance_may_be_nothing() -> None:
    (found,) = parse_balance(body("account_balance"), Asked(Balance(ADDRESS), NOW))
    assert (found.address, found.chain, found.wei) == (ADDRESS.lower(), "ethereum", 0)


def test_wei_beyond_64_bits_are_exact() -> None:
    large = b'{"status":"1","message":"OK","result":"40891631566070000000001"}'
    (found,) = parse_balance(large, Asked(Balance(ADDRESS), NOW))
    assert found.wei == 40891631566070000000001


def test_transactions_come_newest_first() -> None:
    found = transactions(body("account_txlist"))
    blocks = [one.block for one in found]
    assert blocks == sorted(blocks, reverse=True)
    assert blocks[-2:] == [111111, 110763]


def test_a_transaction_says_what_the_row_says() -> None:
    oldest = transactions(body("account_txlist"))[-1]
    assert oldest == Transaction(
        chain="ethereum",
        hash="0x2964f3a91408337b05aeb8f8f670f4107999be05376e630742404664c96a5c31",
        block=110763,
        at=datetime(2015, 8, 19, 10, 10, tzinfo=UTC),
        sender="0x976349705b839e2f5719387fb27d2519d519da03",
        recipient="0x4193122032b38236825bba166f42e54fc3f4a1ee",
        wei=100000000000000000,
        gas_used=21000,
        gas_price_wei=57080649960,
        failed=False,
    )


@pytest.mark.parametrize(("name", "rows"), [("account_txlist_genesis", 2), ("account_txlist_page1_2020", 10)])
def test_the_first_block_of_all_has_transactions_too(name: str, rows: int) -> None:
    found = transactions(body(name))
    assert len(found) == rows
    assert (found[-1].block, found[-1].sender, found[-1].gas_used) == (0, "GENESIS", 0)


def test_a_transaction_that_creates_a_contract_has_no_recipient() -> None:
    document = msgspec.json.decode(body("account_txlist"))
    document["result"][0] |= {"to": "", "contractAddress": "0xdac17f958d2ee523a2206206994597c13d831ec7"}
    created = transactions(msgspec.json.encode(document))[-1]
    assert (created.recipient, created.created) == (None, "0xdac17f958d2ee523a2206206994597c13d831ec7")


def test_an_address_without_transactions_is_an_answer() -> None:
    assert failure(body("account_txlistinternal_no_transactions")) is None
    assert transactions(body("account_txlistinternal_no_transactions")) == []


MEANS: dict[str, type[FeedmuxError]] = {
    "contract_not_verified": UnknownSymbol,
    "deprecated_v1": UpstreamDown,
    "free_access_temporarily_unavailable": UpstreamDown,
    "free_plan_chain_not_supported": InvalidQuery,
    "free_plan_chain_not_supported_proxy": InvalidQuery,
    "invalid_action": InvalidQuery,
    "invalid_address": InvalidQuery,
    "invalid_key": Unauthorized,
    "max_calls_per_sec_3": RateLimited,
    "max_calls_per_sec_5": RateLimited,
    "max_rate_limit": RateLimited,
    "missing_chainid": InvalidQuery,
    "missing_or_invalid_key": Unauthorized,
    "too_many_invalid_keys": RateLimited,
}


@pytest.mark.parametrize("name", sorted(path.stem for path in HERE.glob("*/error_200_*.json")))
def test_every_error_behind_a_200_has_its_meaning(name: str) -> None:
    assert type(failure(body(name))) is MEANS[name.removeprefix("error_200_")]


@pytest.mark.parametrize(
    "content",
    [
        b'{"status":"0","message":"NOTOK","result":"The moon is full"}',
        b'{"status":"0","message":"NOTOK","result":null}',
        b'{"status":"0","message":"NOTOK-","result":[]}',
        b'{"status":"0","message":"Query Timeout occured. Please select a smaller result dataset","result":null}',
    ],
)
def test_an_error_nobody_knows_is_a_failure_of_etherscan(content: bytes) -> None:
    assert type(failure(content)) is UpstreamDown


def test_the_firewalls_page_says_nothing_about_the_key() -> None:
    assert type(failure(b"<html>Forbidden</html>", 403)) is UpstreamDown
    assert type(failure(b"<html>Bad Gateway</html>", 502)) is UpstreamDown
    assert type(failure(b"", 429)) is RateLimited


@pytest.mark.parametrize("text", ["invalid API key", "rate limit reached", "Invalid address"])
def test_what_strangers_write_into_a_transaction_is_no_error(text: str) -> None:
    document: Any = msgspec.json.decode(body("account_txlist"))
    document["result"][0] |= {"functionName": text, "input": text}
    content = msgspec.json.encode(document)
    assert failure(content) is None
    assert len(transactions(content)) == len(document["result"])


ANSWERS = [path for path in HERE.glob("*/*.json") if not path.name.startswith("error_")]


@pytest.mark.parametrize("path", sorted(ANSWERS), ids=lambda path: path.name)
def test_no_answer_is_taken_for_an_error(path: Path) -> None:
    assert failure(path.read_bytes()) is None
