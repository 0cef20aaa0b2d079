"""What an indicator is said to mean, in the older service's words, and what all of them say together."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

STRONG, PLAIN = 5, 4
"""How many of the seven must agree."""


class Signal(StrEnum):
    """One indicator's."""

    OVERBOUGHT = "overbought"
    OVERSOLD = "oversold"
    BULLISH_CAUTION = "bullish_caution"
    BEARISH_CAUTION = "bearish_caution"
    STRONG_BULLISH = "strong_bullish"
    STRONG_BEARISH = "strong_bearish"
    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"

    @property
    def rises(self) -> bool:
        """Whether it speaks for a rising price."""
        return self is Signal.OVERSOLD or "bullish" in self

    @property
    def falls(self) -> bool:
        """Whether it speaks for a falling price."""
        return self is Signal.OVERBOUGHT or "bearish" in self


class Overall(StrEnum):
    """What several say together."""

    STRONG_BUY = "STRONG_BUY"
    BUY = "BUY"
    HOLD = "HOLD"
    SELL = "SELL"
    STRONG_SELL = "STRONG_SELL"


RECOMMENDATIONS = {
    Overall.STRONG_BUY: "Most indicators point up",
    Overall.BUY: "More indicators point up than not",
    Overall.HOLD: "The indicators do not agree on a direction",
    Overall.SELL: "More indicators point down than not",
    Overall.STRONG_SELL: "Most indicators point down",
}


class Together(Struct, frozen=True):
    """`confidence` is the share of the signals that say so; of HOLD, those that point neither way or the other way."""

    overall: Overall
    confidence: float
    recommendation: str


def together(signals: Iterable[Signal]) -> Together:
    """Bullish and oversold against bearish and overbought: five agree strongly, four plainly, else HOLD."""
    given = list(signals)
    up, down = sum(s.rises for s in given), sum(s.falls for s in given)
    most = max(up, down)
    if most < PLAIN:
        overall = Overall.HOLD
    elif up > down:
        overall = Overall.STRONG_BUY if up >= STRONG else Overall.BUY
    else:
        overall = Overall.STRONG_SELL if down >= STRONG else Overall.SELL
    agreeing = len(given) - most if overall is Overall.HOLD else most
    return Together(overall, round(agreeing / len(given), 4), RECOMMENDATIONS[overall])


def ordered(*falling: float | None) -> Signal:
    """The trend of a price and its averages, shortest first: strong where all stand in order, averages not had left out.

    Price and first average decide the direction; out of order further on, it is plain; otherwise neutral.
    """
    known = [value for value in falling if value is not None]
    pairs = list(pairwise(known))
    if all(left > right for left, right in pairs):
        return Signal.STRONG_BULLISH
    if all(left < right for left, right in pairs):
        return Signal.STRONG_BEARISH
    price, *averages = known
    if all(price > average for average in averages):
        return Signal.BULLISH
    if all(price < average for average in averages):
        return Signal.BEARISH
    return Signal.NEUTRAL
