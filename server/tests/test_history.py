"""The last day of each provider."""

from __future__ import annotations

from datetime import timedelta

import pytest

from feedmux.event import Result, Tried
from feedmux.virtual import START, virtual_clock
from feedmux_server.history import STEP, STEPS, History

pytestmark = pytest.mark.anyio


def tried(result: Result = Result.ANSWERED, provider: str = "alpha") -> Tried:
    return Tried(
        member=provider,
        provider=provider,
        capability="quotes",
        result=result,
        seconds=0.1,
        asked=1,
        got=1,
        at=virtual_clock().monotonic(),
    )


async def test_calls_are_counted_by_provider_and_half_hour() -> None:
    history = History(virtual_clock())
    for result in (Result.ANSWERED, Result.DOWN, Result.ANSWERED):
        history.observe(tried(result))
    history.observe(tried(provider="beta"))
    await virtual_clock().sleep(STEP)
    history.observe(tried(Result.TIMEOUT))
    counts = {name: [(one.well, one.badly) for one in found] for name, found in history.periods().items()}
    assert counts == {"alpha": [(2, 1), (0, 1)], "beta": [(1, 0)]}


async def test_what_a_provider_does_not_answer_for_is_not_counted() -> None:
    history = History(virtual_clock())
    for result in (Result.UNKNOWN, Result.REJECTED, Result.ABANDONED, Result.UNSENT):
        history.observe(tried(result))
    assert history.periods() == {}


async def test_a_period_begins_where_its_first_call_lies_in_it() -> None:
    history = History(virtual_clock())
    history.observe(tried())
    (period,) = history.periods()["alpha"]
    assert START - timedelta(seconds=STEP) < period.at <= START


async def test_after_a_day_it_is_forgotten() -> None:
    history = History(virtual_clock())
    history.observe(tried())
    await virtual_clock().sleep(STEP * STEPS)
    assert history.periods() == {"alpha": []}


async def test_no_more_than_a_day_is_kept() -> None:
    history = History(virtual_clock())
    for _ in range(STEPS + 5):
        history.observe(tried())
        await virtual_clock().sleep(STEP)
    assert len(history._counts["alpha"]) == STEPS
