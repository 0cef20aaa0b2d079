"""Faults of plugins that nothing else here shows; each named after its row in docs/faults.md."""

from __future__ import annotations

import asyncio
from typing import Any

from simulated.engine import at_rest, world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Quotes, hookimpl
from feedmux.audience import WAITING
from feedmux.event import Event
from feedmux.virtual import virtual_clock


class Raising:
    """An observer that raises, and counts what it was told."""

    def __init__(self) -> None:
        self.heard = 0

    @hookimpl
    def feedmux_event(self, event: Any) -> None:
        self.heard += 1
        raise RuntimeError("cannot take that")


async def test_p18_an_observer_that_raises_every_time_costs_no_question_anything() -> None:
    raising = Raising()
    async with world({"one": (provider(), Remote())}, extensions={"raising": raising}) as simulated:
        told: list[Event] = []
        simulated.mux.listen(told.append)
        answers = await asyncio.gather(*(simulated.mux.get(Quotes([f"S{n}"])) for n in range(200)))
        await simulated.mux.clock.sleep(1)

        assert len(answers) == 200
        assert raising.heard == len(simulated.events) == len(told)


async def test_p18_what_observers_have_not_heard_is_bounded() -> None:
    async with world({"one": (provider(), Remote())}, extensions={"raising": Raising()}) as simulated:
        audience = simulated.mux._audience
        for _ in range(3 * WAITING):
            audience.hear(Event(at=0.0))

        assert len(audience._waiting) == WAITING
        audience._waiting.clear()


async def test_p15_a_task_that_a_plugin_leaves_behind_and_that_raises_breaks_no_question() -> None:
    async def raises() -> None:
        await virtual_clock().sleep(5)
        raise RuntimeError("long after the answer")

    class Leaving(Remote):
        async def send(self, outgoing: Any) -> Any:
            left.append(asyncio.create_task(raises()))
            return await super().send(outgoing)

    left: list[asyncio.Task[None]] = []
    async with world({"one": (provider(), Leaving())}) as simulated:
        for number in range(5):
            assert len(await simulated.mux.get(Quotes([f"S{number}"]))) == 1
        await simulated.mux.clock.sleep(10)
        assert [type(task.exception()) for task in left] == [RuntimeError] * 5
        assert at_rest(simulated.mux)
