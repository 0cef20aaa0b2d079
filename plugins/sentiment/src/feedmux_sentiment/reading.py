"""What a model makes of one text: three probabilities, and the label, score and confidence they mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

Label: TypeAlias = Literal["bearish", "neutral", "bullish"]
LABELS: tuple[Label, ...] = ("bearish", "neutral", "bullish")
DIGITS = 4
"""Decimals of a score: which texts share a batch moves the seventh."""


class Reading(Struct, frozen=True):
    """Probabilities that add up to 1. Raises ValueError where they do not."""

    bearish: float
    neutral: float
    bullish: float

    def __post_init__(self) -> None:
        if not math.isclose(math.fsum(self._shares), 1.0, abs_tol=1e-3):
            raise ValueError(f"probabilities add up to 1, got {self._shares}")

    @property
    def _shares(self) -> tuple[float, ...]:
        return self.bearish, self.neutral, self.bullish

    @property
    def label(self) -> Label:
        """The most probable label."""
        return max(LABELS, key=lambda label: getattr(self, label))

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return round(min(1.0, max(self._shares)), DIGITS)

    @property
    def score(self) -> float:
        """How bullish: 0 surely bearish, 1 surely bullish, 0.5 surely neutral or as bullish as bearish."""
        return round((1.0 + self.bullish - self.bearish) / 2.0, DIGITS)


class Model(Protocol):
    """A loaded model; used by one thread only."""

    @property
    def name(self) -> str:
        """What an answer calls it."""
        ...

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """One reading for each text, in order."""
        ...
