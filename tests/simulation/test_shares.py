"""Providers that are all well share the questions as their weights say."""

from __future__ import annotations

from collections import Counter

import pytest
from simulated.engine import at_rest, world
from simulated.load import Callers
from simulated.providers import endpoint, provider
from simulated.remote import Remote

from feedmux import Gas, Quotes, Terms
from feedmux.clock import Chance

WEIGHTS = {"amber": 30, "beryl": 25, "coral": 25, "diamond": 10, "emerald": 5, "flint": 5}
QUESTIONS = 10_000


async def order_of_turns(questions, burst):
    chance = Chance(11)
    serves = (endpoint(Quotes, Terms(ttl=1)), endpoint(Gas, Terms(ttl=1)))
    providers = {
        name: (
            provider(*serves, weight=weight),
            Remote(delays=(0.05, 0.1), chance=chance.generator(name)),
        )
        for name, weight in WEIGHTS.items()
    }
    async with world(providers, observed=False) as simulated:
        callers = Callers(simulated.mux, questions)
        await callers.in_bursts(QUESTIONS, burst)
        assert callers.ended == {"fresh": QUESTIONS}
        assert at_rest(simulated.mux)
        return simulated.order


@pytest.mark.parametrize(
    ("questions", "burst"),
    [(lambda n: Quotes([f"S{n}"]), 1), (lambda n: Quotes([f"S{n}"]), 20), (lambda n: Gas(f"chain-{n}"), 20)],
    ids=["quotes one by one", "quotes by twenty", "gas by twenty"],
)
async def test_ten_thousand_questions_are_split_as_the_weights_say_and_nobody_has_three_in_a_row(
    questions, burst
):
    order = await order_of_turns(questions, burst)

    shares = {name: 100 * asked / len(order) for name, asked in Counter(order).items()}
    assert shares == pytest.approx(WEIGHTS, abs=1.0)
    assert not any(one == two == three for one, two, three in zip(order, order[1:], order[2:], strict=False))
