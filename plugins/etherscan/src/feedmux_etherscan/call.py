"""What every call to Etherscan has in common: its one path, the chain, the envelope of the answer."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from feedmux.request import Request

CHAINS = {"ethereum": 1, "polygon": 137, "gnosis": 100, "celo": 42220, "linea": 59144}
"""Where the free plan has balances, transactions and the gas oracle: https://docs.etherscan.io/supported-chains"""
R = TypeVar("R")


class Reply(Struct, Generic[R]):
    """The envelope; `status` and `message` are the failure dictionary's part."""

    result: R


class OnChain(Protocol):
    """A question about one chain."""

    @property
    def chain(self) -> str: ...


def no_such_chain(query: OnChain) -> str:
    """Why a question about a chain is not for Etherscan."""
    return "" if query.chain in CHAINS else f"{query.chain[:40]}: it serves {', '.join(CHAINS)}"


def call(module: str, action: str, chain: str = "ethereum", **params: str | int) -> Request:
    """The request for an action on a chain of the table."""
    return Request("/v2/api", {"chainid": CHAINS[chain], "module": module, "action": action, **params})
