"""Faults come as often as configured, the same for the same seed, and the engine names each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from acme import provider

import feedmux
from feedmux import FeedmuxError, Quotes, Settings, hookimpl, virtual
from feedmux.event import Result, Tried
from feedmux.transport import Incoming, Outgoing
from feedmux.virtual import virtual_clock
from feedmux_chaos import Chaos, Faults, read


class Upstream:
    """Quotes bitcoin."""

    simulated = False

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self if provider else None

    async def send(self, outgoing: Outgoing) -> Incoming:
        return Incoming(200, {}, b'[{"ticker":"BTC","last":91234.5}]')

    async def aclose(self) -> None: ...


async def results(faults: Mapping[str, Faults], questions: int = 1, seed: int = 1) -> Counter[Result]:
    """How so many attempts ended, an hour apart."""
    ends: Counter[Result] = Counter()
    extensions = {"upstream": Upstream(), "chaos": Chaos(faults, seed)}
    async with feedmux.open(
        Settings(), plugins={"acme": provider()}, extensions=extensions, clock=virtual_clock(), seed=1
    ) as mux:
        for _ in range(questions):
            try:
                trace = (await mux.get(Quotes("BTC"))).trace
            except FeedmuxError as error:
                trace = error.trace  # type: ignore[assignment]
            ends.update(event.result for event in trace.events if isinstance(event, Tried))
            await mux.clock.sleep(3600)
    return ends


@pytest.mark.parametrize(
    ("faults", "result"),
    [
        (Faults(refuse=1), Result.REFUSED),
        (Faults(fail=1), Result.DOWN),
        (Faults(hang=1), Result.TIMEOUT),
        (Faults(garble=1), Result.GARBAGE),
        (Faults(slow=60), Result.TIMEOUT),
        (Faults(), Result.ANSWERED),
    ],
)
def test_each_fault_is_what_the_engine_takes_it_for(faults: Faults, result: Result) -> None:
    assert set(virtual.run(results({"acme": faults}))) == {result}


def test_faults_come_as_often_as_configured() -> None:
    ends = virtual.run(results({"acme": Faults(refuse=0.25)}, questions=200))
    assert 35 <= ends[Result.REFUSED] <= 65
    assert ends[Result.REFUSED] + ends[Result.ANSWERED] == 200


def test_the_same_seed_gives_the_same_faults() -> None:
    faults = {"acme": Faults(fail=0.3)}
    assert virtual.run(results(faults, 50)) == virtual.run(results(faults, 50))


def test_who_has_no_faults_is_left_alone() -> None:
    assert set(virtual.run(results({"somebody_else": Faults(fail=1)}))) == {Result.ANSWERED}


def test_a_key_that_is_not_known_is_an_error() -> None:
    assert read("[acme]\nslow = 0.5") == {"acme": Faults(slow=0.5)}
    with pytest.raises(ValueError, match="slowness"):
        read("[acme]\nslowness = 0.5")
