"""The engine without await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from feedmux import (
    Limits,
    NoProvider,
    Quote,
    Quotes,
    Settings,
    SettingsError,
    Terms,
    UnknownSymbol,
    Window,
    blocking,
    hookimpl,
)
from feedmux.event import Considered


class Counting:
    """Each answer is worth one more than the one before."""

    def __init__(self) -> None:
        self.asked = 0
        self.threads: set[str] = set()

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return Limits(
            weight=1, windows=(Window(10_000, per=60),), serves={Quotes: Terms(ttl=0.001, batch=100)}
        )

    @hookimpl
    async def feedmux_fetch(self, asked: Any, http: Any) -> Sequence[Quote]:
        self.asked += 1
        self.threads.add(threading.current_thread().name)
        if "NOPE" in asked.query.symbols:
            raise UnknownSymbol("never heard of it")
        return [Quote(symbol=symbol, price=100 + self.asked) for symbol in asked.query.symbols]


class Stuck(Counting):
    """Never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    @hookimpl
    async def feedmux_fetch(self, asked: Any, http: Any) -> Sequence[Quote]:
        self.reached.set()
        await asyncio.Event().wait()
        return []


def opened(provider: object | None = None) -> blocking.Mux:
    return blocking.open(Settings(), plugins={"counting": provider or Counting()})


def test_a_question_is_answered_without_await() -> None:
    with opened() as mux:
        answer = mux.get(Quotes(["BTC", "ETH"]))
    assert [item.symbol for item in answer] == ["BTC", "ETH"]


def test_it_works_where_a_loop_is_already_running() -> None:
    async def cell_of_a_notebook() -> float:
        with opened() as mux:
            return float(mux.get(Quotes(["BTC"])).items[0].price)

    assert asyncio.run(cell_of_a_notebook()) == 101.0


def test_the_engine_runs_in_a_thread_of_its_own() -> None:
    provider = Counting()
    with opened(provider) as mux:
        mux.get(Quotes(["BTC"]))
    assert provider.threads == {"feedmux"}


def test_how_a_question_is_asked_is_passed_on() -> None:
    with opened() as mux:
        first = mux.get(Quotes(["BTC"]))
        assert mux.get(Quotes(["BTC"])).items == first.items
        assert mux.get(Quotes(["BTC"]), max_age=0, only=["counting"], deadline=2).items != first.items


def test_errors_are_raised_where_the_question_was_asked() -> None:
    with opened() as mux, pytest.raises(UnknownSymbol):
        mux.get(Quotes(["NOPE"]))


def test_a_configuration_that_is_wrong_is_refused_at_once() -> None:
    with pytest.raises(SettingsError):
        blocking.open("no/such/file.toml")


def test_several_threads_share_one_flight_and_one_cache() -> None:
    provider = Counting()
    with opened(provider) as mux, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: mux.get(Quotes(["BTC"])), range(40)))
    assert {answer.items[0].price for answer in answers} == {101.0}
    assert provider.asked == 1


def test_watch_is_a_plain_iterator() -> None:
    with opened() as mux:
        seen = []
        for answer in mux.watch(Quotes(["BTC"]), every=0.05):
            seen.append(answer.items[0].price)
            if len(seen) == 3:
                break
    assert seen == [101.0, 102.0, 103.0]


def test_telling_asks_nobody() -> None:
    provider = Counting()
    with opened(provider) as mux:
        assert isinstance(mux.plan(Quotes(["BTC"])).events[-1], Considered)
        assert [row.name for row in mux.providers()] == ["counting"]
        assert [row.pool for row in mux.ledger()] == ["counting"]
        assert mux.serving()["quotes"] == ["counting"]
        assert mux.queries["quotes"] is Quotes
        assert not mux.sandbox
    assert provider.asked == 0


def test_explain_tells_how_it_went() -> None:
    with opened() as mux:
        mux.get(Quotes(["BTC"]))
        assert mux.explain(Quotes(["BTC"])).trace.events


def test_a_closed_engine_says_so() -> None:
    mux = opened()
    watching = mux.watch(Quotes(["BTC"]), every=60)
    next(watching)
    mux.close()
    mux.close()
    with pytest.raises(RuntimeError, match="closed"):
        mux.get(Quotes(["BTC"]))
    with pytest.raises(RuntimeError, match="closed"):
        next(watching)


def test_closing_ends_what_other_threads_wait_for() -> None:
    provider = Stuck()
    with ThreadPoolExecutor(1) as threads:
        with opened(provider) as mux:
            waiting = threads.submit(mux.get, Quotes(["BTC"]), deadline=200)
            assert provider.reached.wait(10)
        with pytest.raises(NoProvider, match="closing"):
            waiting.result(timeout=10)
    assert not any(thread.name == "feedmux" for thread in threading.enumerate())


def test_a_cross_check_is_asked_without_await_as_well() -> None:
    with blocking.open(Settings(), plugins={"a": Counting(), "b": Counting()}) as mux:
        planned = mux.plan(Quotes(["BTC"]), cross_check=True).events[-1]
        answer = mux.get(Quotes(["BTC"]), cross_check=True)
        told = mux.explain(Quotes(["BTC"]), cross_check=True)

    assert isinstance(planned, Considered)
    assert set(planned.members) == {"a", "b"}
    assert (answer.crossed["BTC"].sources, answer.items[0].price) == (2, 101.0)
    assert told.crossed == answer.crossed
