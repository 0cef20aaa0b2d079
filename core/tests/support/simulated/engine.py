"""An engine on virtual time, its providers wired to simulated upstreams, and what must hold after any run."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

import feedmux
from feedmux import Answer, Mux, Settings, virtual
from feedmux.clock import Clock
from feedmux.event import Answered, Considered, Reason, Skipped, Tried
from feedmux.relay import Relay
from feedmux.store import Store
from feedmux.virtual import virtual_clock
from simulated.remote import Observer, Remote, Wires


class World:
    """An engine, the upstreams behind it and what was observed."""

    def __init__(self, mux: Mux, wires: Wires, observer: Observer | None) -> None:
        self.mux = mux
        self.order = wires.order
        self._observer = observer

    @property
    def events(self) -> list[Any]:
        assert self._observer is not None, "this world has no observer"
        return self._observer.events


@asynccontextmanager
async def world(
    providers: Mapping[str, tuple[object, Remote]],
    *,
    settings: Settings | None = None,
    seed: int = 1,
    observed: bool = True,
    store: Store | None = None,
    relay: Relay | None = None,
    extensions: Mapping[str, object] | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[World]:
    """Providers by name, each with its upstream; when it ends nothing may be left under way."""
    wires = Wires({name: upstream for name, (_, upstream) in providers.items()})
    observer = Observer() if observed else None
    loaded = {"wires": wires, **({"observer": observer} if observer else {}), **(extensions or {})}
    async with feedmux.open(
        settings or Settings(),
        plugins={name: plugin for name, (plugin, _) in providers.items()},
        extensions=loaded,
        clock=clock or virtual_clock(),
        store=store,
        relay=relay,
        seed=seed,
    ) as mux:
        yield World(mux, wires, observer)


def at_rest(mux: Mux) -> bool:
    """Whether no flight, permit, probe or walk is left."""
    standings = mux._fleet.standings.values()
    return (
        mux.under_way == 0
        and all(standing.quota.in_flight == 0 for standing in standings)
        and not any(standing.breaker.probing for standing in standings)
        and not mux._coalescer._tasks
    )


def sound(answer: Answer[Any], symbols: tuple[str, ...] = ()) -> None:
    """What holds of every answer: finite prices of what was asked for, young enough, and a trace that adds up."""
    for item in answer.items:
        price = getattr(item, "price", 1.0)
        assert math.isfinite(price)
        assert price > 0
        assert getattr(item, "vs", "USD") == getattr(answer.query, "vs", "USD")
        assert item.provider
        assert item.fetched_at is not None
        assert item.observed_at is not None
        assert (item.fetched_at - item.observed_at).total_seconds() <= answer.query.max_stale
        if symbols:
            assert item.symbol in symbols
    events = answer.trace.events
    considered = {m for e in events if isinstance(e, Considered) for m in e.members}
    closed = {e.member for e in events if isinstance(e, Skipped) and e.reason is Reason.CLOSED}
    tried = {e.member for e in events if isinstance(e, Tried)}
    assert tried <= considered | closed  # whom only we hold to be down, a panic may ask
    assert isinstance(events[-1], Answered)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in virtual time."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    virtual.run(test(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True
