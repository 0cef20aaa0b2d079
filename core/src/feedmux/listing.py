"""A listing: what a provider calls each symbol, as the provider's own list says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct


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
    """Symbols to ids. `markets` maps (symbol, vs) to the entry that won."""

    markets: Mapping[tuple[str, str], Listed]

    @classmethod
    def of(cls, entries: Iterable[Listed], *, answers_usd: tuple[str, ...] = ("USDT", "USDC")) -> Listing:
        """Of the entries that share symbol and vs the best ranked, marked ambiguous where there were several.

        A market in one of `answers_usd` (most wanted first) also answers for USD where there is no USD market.
        """
        markets: dict[tuple[str, str], Listed] = {}
        shared: set[tuple[str, str]] = set()
        for entry in entries:
            key = (entry.symbol.upper(), entry.vs.upper())
            known = markets.get(key)
            if known is not None:
                shared.add(key)
            if known is None or _rank(entry) < _rank(known):
                markets[key] = entry
        for key in shared:
            known = markets[key]
            markets[key] = Listed(known.symbol, known.id, known.vs, known.pair, known.rank, ambiguous=True)
        for stand_in in reversed(answers_usd):
            for (name, vs), entry in list(markets.items()):
                if vs == stand_in and markets.get((name, "USD"), entry).vs.upper() != "USD":
                    markets[name, "USD"] = entry
        return cls(markets)

    def find(self, symbol: str, vs: str) -> Listed | None:
        """The entry for a symbol in a currency, or None where the provider does not list it."""
        return self.markets.get((symbol, vs)) or self.markets.get((symbol, ""))

    def __len__(self) -> int:
        return len(self.markets)


def _rank(entry: Listed) -> int:
    return entry.rank if entry.rank is not None else 1 << 60
