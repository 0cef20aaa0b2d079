"""A question of Etherscan's own: the latest transactions of an address."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta, Struct, json
from msgspec.structs import asdict

from feedmux.items import Count, Instant, Item
from feedmux.query import Limit, Query
from feedmux.request import Asked, Request
from feedmux_etherscan.call import Reply, call

PAGES = (20, 100, 1000)
"""How many are asked for, so that questions of similar length share one request."""


class Transaction(Item, frozen=True, kw_only=True):
    """One transaction of an address, as its block has it. Money is in wei; a fee is `gas_used` × `gas_price_wei`."""

    chain: str
    hash: str
    block: Count
    at: Instant
    """When its block was made; `observed_at` is when the list was read."""
    sender: str
    recipient: str | None = None
    """None where it creates a contract."""
    created: str | None = None
    """The contract that it created."""
    wei: Count
    gas_used: Count
    gas_price_wei: Count
    failed: bool


class Transactions(Query, frozen=True):
    """The latest transactions of an address, newest first; none at all is an answer."""

    address: Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$", description="0x and 40 hex digits")]
    chain: str = "ethereum"
    limit: Limit = 20

    capability: ClassVar = "transactions"
    item: ClassVar[type[Item]] = Transaction
    path: ClassVar = "/transactions/{address}"
    may_be_empty: ClassVar[bool] = True

    def _canonicalize(self) -> None:
        if isinstance(self.address, str):
            self._set("address", self.address.strip().lower())

    @property
    def fresh(self) -> float:
        return 30.0


class _Row(
    Struct,
    rename={
        "block": "blockNumber",
        "at": "timeStamp",
        "sender": "from",
        "recipient": "to",
        "created": "contractAddress",
        "wei": "value",
        "gas_used": "gasUsed",
        "gas_price_wei": "gasPrice",
        "failed": "isError",
    },
):
    """A transaction in our words; `rename` says Etherscan's. What there is none of is empty text."""

    hash: str
    block: int
    at: datetime
    sender: str
    recipient: str | None
    created: str | None
    wei: int
    gas_used: int
    gas_price_wei: int
    failed: bool

    def __post_init__(self) -> None:
        self.recipient, self.created = self.recipient or None, self.created or None


def transactions_request(asked: Asked[Transactions]) -> Request:
    """The first page, newest first."""
    query, size = asked.query, next(size for size in PAGES if size >= asked.query.limit)
    return call("account", "txlist", query.chain, address=query.address, page=1, offset=size, sort="desc")


def parse_transactions(body: bytes, asked: Asked[Transactions]) -> list[Transaction]:
    """Newest first."""
    rows = json.decode(body, type=Reply[list[_Row]], strict=False).result
    newest_first = sorted(rows, key=lambda row: row.block, reverse=True)
    return [Transaction(chain=asked.query.chain, **asdict(row)) for row in newest_first]
