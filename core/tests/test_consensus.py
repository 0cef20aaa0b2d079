"""Consensus: who agrees, who stands apart, and when there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux.consensus import LARGEST_SHARE, Vote, capped, consensus


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
