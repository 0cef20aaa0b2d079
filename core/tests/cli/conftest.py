"""Providers made up for the command line's tests, and a way to run a command with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result

from feedmux import Limits, Quote, Quotes, Terms, UnknownSymbol, Window, hookimpl
from feedmux.cli.root import root
from feedmux.cli.setup import Setup

PRICES = {"BTC": 96_385.12, "ETH": 2_804.5, "SHIB": 0.00000868}

Command = Callable[..., Result]


class Quoting:
    """Quotes three coins, and remembers what it was asked."""

    def __init__(self, weight: float = 1.0, error: Exception | None = None) -> None:
        self._limits = Limits(
            weight=weight, windows=(Window(60, per=60),), serves={Quotes: Terms(ttl=1, batch=10)}
        )
        self._error = error
        self.asked: list[tuple[str, ...]] = []

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return self._limits

    @hookimpl
    async def feedmux_fetch(self, asked: Any, http: Any) -> Sequence[Quote]:
        symbols = tuple(asked.query.symbols)
        self.asked.append(symbols)
        if self._error is not None:
            raise self._error
        found = [Quote(symbol=s, price=PRICES[s], vs=asked.query.vs) for s in symbols if s in PRICES]
        if not found:
            raise UnknownSymbol("never heard of it")
        return found


@pytest.fixture
def quoting() -> type[Quoting]:
    return Quoting


@pytest.fixture
def feedmux() -> Command:
    """Run a command in this process with these plugins and nothing that is installed."""

    def run(*args: str, plugins: Mapping[str, Any] | None = None, **more: Any) -> Result:
        setup = Setup(plugins={"made_up": Quoting()} if plugins is None else plugins, commands=(), **more)
        return CliRunner().invoke(root, args, obj=setup)

    return run
