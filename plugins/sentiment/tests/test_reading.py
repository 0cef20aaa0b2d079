"""What three probabilities mean."""

import pytest

pytest.importorskip("torch", reason="torch is not installed; make install-sentiment brings it")

from feedmux_sentiment.known import KNOWN
from feedmux_sentiment.reading import LABELS, Reading


def test_the_label_is_the_most_probable_one_and_confidence_its_probability() -> None:
    reading = Reading(bearish=0.2, neutral=0.5, bullish=0.3)
    assert (reading.label, reading.confidence) == ("neutral", 0.5)


@pytest.mark.parametrize(
    ("probabilities", "score"),
    [((1, 0, 0), 0.0), ((0, 0, 1), 1.0), ((0, 1, 0), 0.5), ((0.5, 0, 0.5), 0.5), ((0.1, 0.2, 0.7), 0.8)],
)
def test_the_score_says_how_bullish(probabilities: tuple[float, float, float], score: float) -> None:
    assert Reading(*probabilities).score == score


def test_shares_that_a_float_makes_a_little_more_than_one_are_still_at_most_one() -> None:
    assert Reading(bearish=1.0000001, neutral=0.0, bullish=0.0).confidence == 1.0


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.1), (float("nan"), 0.5, 0.5), (2.0, 0.0, 0.0)])
def test_what_does_not_add_up_is_no_reading(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        Reading(*shares)


def test_every_known_model_can_say_bullish_and_bearish() -> None:
    for known in KNOWN:
        assert {"bearish", "bullish"} <= set(known.labels.values()) <= set(LABELS)
