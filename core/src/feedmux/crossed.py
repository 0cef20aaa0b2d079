"""Cross-checked: what several providers say about one thing, side by side. Plain data, no rule.

How the price comes about stands in `consensus`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

SOURCE = "consensus"
"""What stands in the place of a provider's name where several speak as one."""


class Voice(Struct, frozen=True):
    """What one provider said. `origin` names whose data it is, several where its own members were heard together.

    `agrees` is False for who stands apart.
    """

    provider: str
    member: str
    origin: str
    price: float
    observed_at: datetime | None
    agrees: bool = True


class Crossed(Struct, frozen=True):
    """One symbol, cross-checked. `price` and `median` are None where there is no consensus.

    They are the weighted median of those who agree. All else counts every voice that was heard, whoever stands
    apart included: `variance` is (max - min) / mean, `stdev` the sample standard deviation (n - 1 below the line,
    as Python's `statistics.stdev`; 0 for one voice), `confidence` 1 - min(variance, 1), 0.5 for one voice and 0
    without consensus. `left_out` says of each member that was to be heard and has no voice why.
    """

    symbol: str
    vs: str
    price: float | None
    mean: float
    median: float | None
    min: float
    max: float
    stdev: float
    variance: float
    sources: int
    confidence: float
    all_prices: tuple[float, ...]
    voices: tuple[Voice, ...]
    left_out: Mapping[str, str] = {}

    @property
    def providers(self) -> tuple[str, ...]:
        """Whose words the price is made of."""
        return tuple(dict.fromkeys(voice.provider for voice in self.voices if voice.agrees))

    def __str__(self) -> str:
        told = (
            f"{voice.member} {voice.price:.10g}{'' if voice.agrees or self.price is None else ' (apart)'}"
            for voice in self.voices
        )
        return f"{self.symbol}: {'no consensus, ' if self.price is None else ''}heard {', '.join(told)}"
