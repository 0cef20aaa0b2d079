"""What is checked of a provider that declares no host: a model, a table. It brings questions, and no bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from feedmux import Asked, Limits, Quote, Quotes, Terms, hookimpl
from feedmux.clock import SystemClock
from feedmux.conformance import Case, Grade, Report, Subject, report
from feedmux.conformance.cancellation import cancellation_leaves_nothing_open
from feedmux.conformance.checks import line
from feedmux.conformance.declaration import every_question_has_a_case
from feedmux.conformance.hostility import no_step_keeps_the_event_loop
from feedmux.conformance.replies import cases_with_items_give_items

QUESTION = Case(
    name="quotes",
    capability="quotes",
    parameters={"symbols": ["BTC"]},
    asked_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    grade=Grade.MADE,
)


class Table:
    """Knows its prices by heart, and looks them up in a thread as a model would."""

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return Limits(weight=1, serves={Quotes: Terms(ttl=5)})

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Quotes]) -> Sequence[Quote]:
        return await asyncio.to_thread(self.read, asked)

    def read(self, asked: Asked[Quotes]) -> list[Quote]:
        return [Quote(symbol=symbol, price=42.0) for symbol in asked.query.symbols]


class Holding(Table):
    """Keeps the event loop while it looks."""

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Quotes]) -> Sequence[Quote]:
        until = SystemClock.monotonic() + 0.3
        while SystemClock.monotonic() < until:
            pass
        return self.read(asked)


class Leaving(Table):
    """Leaves a task behind."""

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Quotes]) -> Sequence[Quote]:
        self.left = asyncio.ensure_future(asyncio.Event().wait())
        return self.read(asked)


def table(plugin: Any = None) -> Subject:
    return Subject("table", plugin or Table(), [QUESTION])


@pytest.fixture(scope="module")
def told() -> Report:
    return report(table())


def test_it_passes_and_says_what_there_is_nothing_of(told: Report) -> None:
    assert told.passed
    assert told.bodies == 0
    left_out = {one.fact for one in told.lines if "no requests, no bodies" in one.note}
    assert left_out == {
        "requests go to the declared host",
        "broken bodies end in an answer or bad payload",
        "no answer holds a number that the body does not",
        "the quota is never exceeded",
    }


def test_its_declaration_its_answers_its_steps_and_its_end_are_checked(told: Report) -> None:
    checked = {one.fact for one in told.lines if not one.left_out}
    assert {
        "the declaration is sane",
        "every question has a case",
        "cases with items give items",
        "no step keeps the event loop",
        "cancellation leaves nothing open",
    } <= checked


def test_a_question_of_its_own_without_a_case_is_found() -> None:
    assert line(every_question_has_a_case, Subject("table", Table())).findings


def test_an_answer_from_a_thread_is_waited_for() -> None:
    assert not line(cases_with_items_give_items, table()).findings


def test_a_step_that_keeps_the_event_loop_is_found() -> None:
    (found,) = line(no_step_keeps_the_event_loop, table(Holding())).findings
    assert "a step took 0.3" in found


def test_what_it_leaves_behind_is_found() -> None:
    assert "a task is left" in str(line(cancellation_leaves_nothing_open, table(Leaving())))
