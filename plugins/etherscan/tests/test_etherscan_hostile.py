"""No junk in a body becomes a number: a field dropped, retyped, null or negative gives true items or an error."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.items import Item
from feedmux.listing import Listing
from feedmux.query import Balance, Gas, Quotes, Supply
from feedmux.request import Asked
from feedmux_etherscan import (
    MARKETS,
    Transactions,
    parse_balance,
    parse_gas,
    parse_quotes,
    parse_supply,
    parse_transactions,
)

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
JUNK: tuple[Any, ...] = (None, True, -1, 0, 0.5, 2**64 - 1, "", "NaN", "inf", "-1", "nonsense", [], {}, [[]])
ADDRESS = "0x4193122032b38236825bba166f42e54fc3f4a1ee"
ETH = {"ETH": Listing.of(MARKETS).markets["ETH", "USD"]}
Case = tuple[Callable[[bytes, Asked[Any]], Sequence[Item]], Asked[Any], str]

CASES: list[Case] = [
    (parse_gas, Asked(Gas(), NOW), "gastracker_gasoracle_2021-02_pre_london"),
    (parse_gas, Asked(Gas(), NOW), "gastracker_gasoracle_2021-09"),
    (parse_gas, Asked(Gas(), NOW), "gastracker_gasoracle_2022-10_a"),
    (parse_gas, Asked(Gas(), NOW), "gastracker_gasoracle_2022-10_b"),
    (parse_gas, Asked(Gas(), NOW), "gastracker_gasoracle_2025-09_decimals"),
    (parse_quotes, Asked(Quotes(("ETH",)), NOW, ETH), "stats_ethprice_2020-05"),
    (parse_quotes, Asked(Quotes(("ETH",)), NOW, ETH), "stats_ethprice_2021-05"),
    (parse_quotes, Asked(Quotes(("ETH",)), NOW, ETH), "stats_ethprice_v1_keyless_2021"),
    (parse_supply, Asked(Supply(), NOW), "stats_ethsupply2"),
    (parse_balance, Asked(Balance(ADDRESS), NOW), "account_balance"),
    (parse_transactions, Asked(Transactions(ADDRESS), NOW), "account_txlist"),
    (parse_transactions, Asked(Transactions(ADDRESS), NOW), "account_txlist_genesis"),
    (parse_transactions, Asked(Transactions(ADDRESS), NOW), "account_txlist_page1_2020"),
]


def document(name: str) -> Any:
    """The body, of a list two rows."""
    (path,) = HERE.glob(f"*/{name}.json")
    found = msgspec.json.decode(path.read_bytes())
    if isinstance(found["result"], list):
        found["result"] = found["result"][:2]
    return found


def broken(value: Any) -> Iterator[Any]:
    """The same document, once for each place in it and each thing that could go wrong there."""
    yield from JUNK
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {k: v for k, v in value.items() if k != key}
            yield from ({**value, key: bad} for bad in broken(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield from ([*value[:at], bad, *value[at + 1 :]] for bad in broken(inner))


def numbers(value: Any) -> Iterator[float]:
    """Every number that a document holds, however it is written, and the supply that its parts make."""
    if isinstance(value, dict):
        if "EthSupply" in value:
            parts = (value.get(part, 0) for part in ("EthSupply", "Eth2Staking", "BurntFees"))
            supply, staking, burnt = (int(part) if str(part).isdigit() else 0 for part in parts)
            yield float(supply + staking - burnt)
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, str):
        yield from map(float, re.findall(r"-?[0-9]+(?:\.[0-9]+)?", value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def said(item: Item) -> set[float]:
    """Every number that an item holds, but for the decimals of ether."""
    row = item.row()
    row.pop("decimals", None)
    return {float(v) for v in row.values() if isinstance(v, int | float) and not isinstance(v, bool)}


@pytest.mark.parametrize(
    ("parse", "asked", "name"), CASES, ids=lambda value: value if type(value) is str else ""
)
def test_junk_never_becomes_a_number(parse: Any, asked: Asked[Any], name: str) -> None:
    good = document(name)
    assert parse(msgspec.json.encode(good), asked)
    for bad in broken(good):
        try:
            items = parse(msgspec.json.encode(bad), asked)
        except ValueError:  # msgspec's errors are ValueErrors
            continue
        assert all(type(item) is type(asked.query).item for item in items), bad
        assert set().union(*map(said, items)) <= set(numbers(bad)), bad


@pytest.mark.parametrize(
    ("parse", "asked", "name"), CASES, ids=lambda value: value if type(value) is str else ""
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"NaN",
        b"[" * 100_000,
        b"<html></html>",
        b"\xff\xfe",
        b'{"result":',
        b'{"jsonrpc":"2.0","id":83,"result":"0x16f45b9"}\n',
        b'{"status":"0","message":"NOTOK","result":"Max calls per sec rate limit reached (3/sec)"}',
        b'{"status":"1","message":"OK","result":"' + b"9" * 5000 + b'"}',
    ],
)
def test_a_body_that_is_no_answer_is_an_error(parse: Any, asked: Asked[Any], name: str, body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse(body, asked)
