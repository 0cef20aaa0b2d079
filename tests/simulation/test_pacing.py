"""A month's budget lasts the month: a provider with one is asked less the more of it is gone, and every day."""

from __future__ import annotations

from collections import Counter

import pytest
from simulated.engine import world
from simulated.load import Callers
from simulated.providers import provider
from simulated.remote import Remote
from simulated.windows import Sliding

from feedmux import DAY, NoProvider, Quotes, Settings, Window
from feedmux.settings import EngineSettings

MONTH = 30 * DAY
LIMIT = 600
UNHEDGED = Settings(engine=EngineSettings(hedge=False))


def budgeted() -> tuple[object, Remote]:
    return provider(limits={"windows": (Window(LIMIT, MONTH),)}), Remote(Sliding(LIMIT, MONTH))


async def test_a_months_budget_is_there_on_every_day_though_ten_times_as_much_is_asked() -> None:
    monthly = budgeted()
    async with world({"monthly": monthly, "free": (provider(), Remote())}, settings=UNHEDGED) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        lefts = []
        for _ in range(40):
            await callers.every(600, DAY)
            lefts.append(next(row.left for row in simulated.mux.ledger() if row.pool == "monthly"))

    days = Counter(int(call.begun // DAY) for call in monthly[1].calls)
    assert callers.ended == {"fresh": callers.asked}
    assert monthly[1].refusals == []
    assert min(lefts) > 0
    assert min(days[day] for day in range(40)) >= 4
    assert max(days.values()) <= LIMIT * 2 / 30 + 1


async def test_where_nobody_else_answers_a_month_is_not_spared() -> None:
    async with world({"monthly": budgeted()}, settings=UNHEDGED) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.every(60, LIMIT * 60)
        assert callers.ended == {"fresh": LIMIT}
        with pytest.raises(NoProvider):
            await simulated.mux.get(Quotes(["BTC"]))
