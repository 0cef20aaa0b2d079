"""Consensus: who agrees, who stands apart, and when there is none."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from feedmux import Quote
from feedmux.consensus import LARGEST_SHARE, Vote, agreed, apart, capped, consensus, cross, one_voice_each
from feedmux.crossed import Crossed


def said(*values: float) -> list[Vote]:
    return [Vote(f"m{place}", f"m{place}", value) for place, value in enumerate(values)]


def test_three_that_agree_give_their_median() -> None:
    verdict = consensus(said(100.0, 101.0, 102.0), tolerance=0.05)

    assert (verdict.value, verdict.outliers) == (101.0, ())


def test_one_of_three_that_stands_apart_is_named_and_left_out() -> None:
    verdict = consensus(said(100.0, 101.0, 850e9), tolerance=0.05)

    assert verdict.value == 100.5
    assert [vote.member for vote in verdict.outliers] == ["m2"]


@pytest.mark.parametrize("values", [(100.0, 110.0), (100.0, 120.0, 150.0), (1.0, 1000.0)])
def test_those_who_disagree_are_never_averaged(values: tuple[float, ...]) -> None:
    verdict = consensus(said(*values), tolerance=0.02)

    assert verdict.value is None
    assert len(verdict.outliers) == len(values)


def test_sources_of_one_origin_have_one_voice() -> None:
    resold = [Vote("a", "exchange", 100.0), Vote("b", "exchange", 100.0), Vote("c", "c", 200.0)]

    assert consensus(resold, tolerance=0.05).value is None


def test_one_voice_is_given_as_it_is() -> None:
    assert consensus(said(7.0), tolerance=0.05).value == 7.0
    assert consensus([], tolerance=0.05).value is None


@given(st.lists(st.floats(0.01, 1e6), min_size=3, max_size=8))
def test_no_weight_decides_alone(weights: list[float]) -> None:
    shares = capped(weights)

    assert sum(shares) == pytest.approx(1.0)
    assert max(shares) <= LARGEST_SHARE + 1e-9


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=7), st.floats(0.001, 0.2))
def test_a_consensus_lies_among_its_voices_and_within_the_tolerance(
    values: list[float], tolerance: float
) -> None:
    verdict = consensus(said(*values), tolerance)

    if verdict.value is not None:
        kept = [vote.value for vote in verdict.agreeing]
        assert min(kept) <= verdict.value <= max(kept)
        assert max(kept) - min(kept) <= 2 * tolerance * max(values) + 1e-9


PRICES = st.floats(1.0, 1e6)
WEIGHTS = st.floats(0.01, 1e3)
TOLERANCE = 0.05


@given(st.lists(st.tuples(PRICES, WEIGHTS), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_the_order_in_which_they_speak_changes_nothing(said: list[tuple[float, float]], chance: Any) -> None:
    votes = [Vote(f"m{place}", f"m{place}", *one) for place, one in enumerate(said)]
    shuffled = list(votes)
    chance.shuffle(shuffled)
    one, other = consensus(votes, TOLERANCE), consensus(shuffled, TOLERANCE)

    assert one.value == other.value
    assert {vote.member for vote in one.outliers} == {vote.member for vote in other.outliers}


@given(PRICES, st.floats(0.0, 0.999), st.floats(0.001, 1e9), st.lists(WEIGHTS, min_size=3, max_size=3))
def test_one_liar_of_three_never_moves_the_price_out_of_what_the_honest_say(
    low: float, off: float, lie: float, weights: list[float]
) -> None:
    high = low * (1 + off * TOLERANCE)
    assume(apart(low, high) <= TOLERANCE)
    votes = [
        Vote(name, name, value, weight)
        for name, value, weight in zip("abc", (low, high, lie), weights, strict=True)
    ]
    verdict = consensus(votes, TOLERANCE)

    assert verdict.value is not None
    assert low * (1 - 1e-12) <= verdict.value <= high * (1 + 1e-12)


@given(PRICES, PRICES)
def test_two_agree_just_where_their_spread_is_no_anomaly(one: float, other: float) -> None:
    verdict = consensus(said(one, other), TOLERANCE)

    assert (verdict.value is not None) == (verdict.spread <= TOLERANCE)


ORIGINS = st.sets(st.sampled_from("abcde"), min_size=1, max_size=3)


@given(st.lists(st.tuples(ORIGINS, WEIGHTS), min_size=1, max_size=6))
def test_no_origin_has_two_voices_and_whoever_is_left_out_shares_one(said: Any) -> None:
    votes = [Vote(f"m{n}", ", ".join(sorted(names)), 1.0, weight) for n, (names, weight) in enumerate(said)]
    heard = one_voice_each(votes)

    for place, vote in enumerate(heard):
        assert all(vote.origins.isdisjoint(other.origins) for other in heard[:place])
    for vote in votes:
        assert vote in heard or any(vote.origins & other.origins for other in heard)


def quote(provider: str, price: float, origin: str = "") -> Quote:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Quote(
        symbol="BTC", price=price, provider=provider, origin=origin or provider, observed_at=at, fetched_at=at
    )


def crossed(*quotes: Quote) -> tuple[Crossed, tuple[Quote, ...]]:
    said = {one.provider: one for one in quotes}
    found = cross({name: (1.0, one) for name, one in said.items()}, TOLERANCE, {})
    return found, agreed(found, said)


def test_the_numbers_count_every_voice_and_the_price_those_who_agree() -> None:
    found, (made,) = crossed(quote("a", 100.0), quote("b", 101.0), quote("c", 111.0))

    assert (found.price, found.median, made.price) == (100.5, 100.5, 100.5)
    assert (found.mean, found.min, found.max, found.sources) == (104.0, 100.0, 111.0, 3)
    assert found.stdev == pytest.approx(statistics.stdev([100.0, 101.0, 111.0]))
    assert found.variance == pytest.approx(11 / 104)
    assert found.confidence == pytest.approx(1 - 11 / 104)
    assert [(voice.provider, voice.agrees) for voice in found.voices] == [
        ("a", True),
        ("b", True),
        ("c", False),
    ]
    assert (made.provider, made.origin) == ("consensus", "a, b")


def test_who_only_repeats_another_is_left_out_and_told() -> None:
    found, (made,) = crossed(quote("a", 100.0), quote("b", 101.0), quote("seller", 500.0, "a, x"))

    assert (found.sources, found.left_out) == (2, {"seller": "a, x is heard already"})
    assert made.price == 100.5


def test_one_voice_is_half_sure_and_its_quote_is_its_own() -> None:
    found, (made,) = crossed(quote("a", 100.0))

    assert (found.confidence, found.stdev, found.variance, found.sources) == (0.5, 0.0, 0.0, 1)
    assert made == quote("a", 100.0)


def test_without_consensus_there_is_no_price_and_no_quote() -> None:
    found, made = crossed(quote("a", 100.0), quote("b", 110.0))

    assert (found.price, found.median, found.confidence, made) == (None, None, 0.0, ())
    assert found.variance == pytest.approx(10 / 105)
