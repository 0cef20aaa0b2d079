"""A listing: what a provider calls each symbol, as the provider's own list says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import force_setattr

R = TypeVar("R")
ANSWER_USD = ("USDT", "USDC")
"""Currencies whose markets also answer for USD, most wanted first; the item then names its pair."""


class Listed(Struct, frozen=True):
    """One asset or market as the provider knows it.

    `vs` is the currency it is quoted in, empty where the provider answers in any. `rank` orders assets that share
    a symbol: the smallest wins (market-cap rank), and whoever shares it is `ambiguous`.
    """

    symbol: str
    id: str
    vs: str = ""
    pair: str | None = None
    rank: int | None = None
    ambiguous: bool = False


class Listing(Struct, frozen=True):
    """Symbols to ids. `markets` maps (symbol, vs) to the entry that won, `ids` an id to its entry."""

    markets: Mapping[tuple[str, str], Listed]
    ids: Mapping[str, Listed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.ids:
            force_setattr(self, "ids", {entry.id: entry for entry in self.markets.values()})

    @classmethod
    def of(cls, entries: Iterable[Listed]) -> Listing:
        """Of the entries that share symbol and vs the best ranked, marked ambiguous where there were several.

        A market in USDT or USDC also answers for USD where there is no USD market.
        """
        listed = tuple(entries)
        markets: dict[tuple[str, str], Listed] = {}
        shared: set[tuple[str, str]] = set()
        for entry in listed:
            key = (entry.symbol.upper(), entry.vs.upper())
            known = markets.get(key)
            if known is not None:
                shared.add(key)
            if known is None or _rank(entry) < _rank(known):
                markets[key] = entry
        for key in shared:
            known = markets[key]
            markets[key] = Listed(known.symbol, known.id, known.vs, known.pair, known.rank, ambiguous=True)
        for stand_in in reversed(ANSWER_USD):
            for (name, vs), entry in list(markets.items()):
                if vs == stand_in and markets.get((name, "USD"), entry).vs.upper() != "USD":
                    markets[name, "USD"] = entry
        return cls(markets, {entry.id: entry for entry in listed} | {e.id: e for e in markets.values()})

    def find(self, symbol: str, vs: str) -> Listed | None:
        """The entry for a symbol (or an exact asset, `provider:id`) in a currency, None where it is not listed."""
        _, colon, id_ = symbol.partition(":")
        if not colon:
            return self.markets.get((symbol, vs)) or self.markets.get((symbol, ""))
        entry = self.ids.get(id_)
        return entry if entry is not None and _answers(entry.vs.upper(), vs) else None

    def __len__(self) -> int:
        return len(self.markets)


def _answers(quoted: str, vs: str) -> bool:
    return quoted in ("", vs) or (vs == "USD" and quoted in ANSWER_USD)


def largest(
    rows: Iterable[R],
    wanted: Sequence[str],
    *,
    symbol: Callable[[R], str],
    size: Callable[[R], float | None],
) -> list[tuple[str, R, bool]]:
    """For each wanted symbol the row of the largest size (market cap), and whether others share the symbol.

    For providers that answer by symbol, where several assets share one. Symbols without a row are left out.
    """
    found: dict[str, list[R]] = {}
    for row in rows:
        found.setdefault(symbol(row), []).append(row)
    return [
        (name, max(found[name], key=lambda row: size(row) or 0.0), len(found[name]) > 1)
        for name in wanted
        if name in found
    ]


def _rank(entry: Listed) -> int:
    return entry.rank if entry.rank is not None else 1 << 60
