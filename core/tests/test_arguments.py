"""What a caller may ask for, and how a wrong argument is told."""

from __future__ import annotations

import math

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import InvalidQuery, Quotes

BTC = Quotes(["BTC"])


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1, "x", True])
@pytest.mark.parametrize("name", ["max_age", "deadline"])
async def test_a_wrong_number_of_seconds_is_named(name, wrong):
    async with world({"p0": (provider(), Remote())}) as simulated:
        with pytest.raises(InvalidQuery) as refused:
            await simulated.mux.get(BTC, **{name: wrong})

        assert refused.value.field == name


async def test_one_provider_may_be_named_as_plain_text():
    async with world({"p0": (provider(), Remote()), "p1": (provider(), Remote())}) as simulated:
        assert (await simulated.mux.get(BTC, only="p1")).providers == ("p1",)


async def test_a_watch_that_would_never_rest_is_refused():
    async with world({"p0": (provider(), Remote())}) as simulated:
        with pytest.raises(InvalidQuery, match="every"):
            await anext(simulated.mux.watch(BTC, every=-5))
