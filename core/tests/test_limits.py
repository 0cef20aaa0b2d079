"""A declaration that cannot be meant is refused, and the field named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import Backoff, Counts, Limits, Quotes, Terms, Window


def refusal(**declared):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - which field it names is what each test checks
        Limits(**{"weight": 1, **declared})
    return str(refused.value)


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf])
def test_a_weight_is_a_positive_number(weight):
    assert refusal(weight=weight).startswith("weight:")


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        ({"min_interval": -1}, "min_interval:"),
        ({"min_interval": math.nan}, "min_interval:"),
        ({"concurrency": 0}, "concurrency:"),
        ({"slow_after": 0}, "slow_after:"),
        ({"windows": (Window(0, 60),)}, "windows:"),
        ({"windows": (Window(1, 0),)}, "windows:"),
        ({"windows": (Window(1, math.inf),)}, "windows:"),
        ({"backoff": Backoff(steps=())}, "backoff.steps:"),
        ({"backoff": Backoff(steps=(1, -1))}, "backoff.steps:"),
        ({"serves": {Quotes: Terms(ttl=0)}}, "serves[Quotes].ttl:"),
        ({"serves": {Quotes: Terms(ttl=7200)}}, "serves[Quotes].ttl:"),
        ({"serves": {Quotes: Terms(ttl=1, max_stale=7200)}}, "serves[Quotes].max_stale:"),
        ({"serves": {Quotes: Terms(ttl=60, max_stale=30)}}, "serves[Quotes].ttl:"),
        ({"serves": {Quotes: Terms(ttl=1, batch=0)}}, "serves[Quotes].batch:"),
        ({"serves": {Quotes: Terms(ttl=1, cost=-1)}}, "serves[Quotes].cost:"),
        (
            {"serves": {Quotes: Terms(ttl=1, cost=11)}, "windows": (Window(10, 60, Counts.COST),)},
            "serves[Quotes].cost:",
        ),
    ],
)
def test_a_wrong_field_is_named(declared, field):
    assert refusal(**declared).startswith(field)


numbers = st.one_of(st.floats(), st.integers(-2, 10).map(float))


@given(numbers, numbers, st.integers(-2, 10), numbers, numbers)
def test_what_is_accepted_can_be_counted_with(weight, interval, limit, per, step):
    try:
        limits = Limits(
            weight=weight,
            min_interval=interval,
            windows=(Window(limit, per),),
            backoff=Backoff(steps=(step,)),
        )
    except ValueError:
        return
    for number in (limits.weight, limits.windows[0].per, limits.backoff.steps[0]):
        assert math.isfinite(number)
        assert number > 0
    assert limits.windows[0].limit >= 1
