"""A flood of equal warnings: ten of them, then one line that says how many more there were."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog

from feedmux.clock import SystemClock
from feedmux_server.flood import KEYS, MORE, MOST, WINDOW, Count, Flood, Key


class Turned(SystemClock):
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:  # type: ignore[override]
        return self.seconds


@pytest.fixture
def clock() -> Turned:
    return Turned()


@pytest.fixture
def told() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def flood(clock: Turned, told: list[tuple[str, int]]) -> Flood:
    return Flood(clock, lambda line, times: told.append((line, times)))


def passes(flood: Flood, level: str, event: str, **fields: Any) -> bool:
    try:
        flood(None, level, {"event": event, **fields})
    except structlog.DropEvent:
        return False
    return True


def test_of_a_thousand_equal_warnings_ten_are_written_and_the_rest_is_told_after_a_minute(
    flood: Flood, clock: Turned, told: list[tuple[str, int]]
) -> None:
    written = sum(passes(flood, "warning", "plugin raised", provider="alpha") for _ in range(1000))
    assert (written, told) == (MOST, [])
    clock.seconds += WINDOW
    assert passes(flood, "info", "request")
    assert told == [("plugin raised: alpha", 1000 - MOST)]
    assert passes(flood, "warning", "plugin raised", provider="alpha")


def test_another_provider_reason_or_exception_is_another_message(flood: Flood) -> None:
    for _ in range(MOST):
        assert passes(flood, "error", "failed", provider="alpha", exc_info=ValueError())
    assert not passes(flood, "error", "failed", provider="alpha", exc_info=ValueError())
    assert passes(flood, "error", "failed", provider="beta", exc_info=ValueError())
    assert passes(flood, "error", "failed", provider="alpha", exc_info=KeyError())
    assert passes(flood, "error", "failed", provider="alpha", reason="another")


def test_the_lines_of_requests_and_of_floods_are_never_held_back(flood: Flood) -> None:
    assert all(passes(flood, "info", "request", route="/v1/quotes") for _ in range(10 * MOST))
    assert all(passes(flood, "warning", MORE, line="x") for _ in range(10 * MOST))


def test_what_libraries_warn_of_counts_by_its_template(flood: Flood, told: list[tuple[str, int]]) -> None:
    records = [
        logging.LogRecord("lib", logging.WARNING, "", 0, "lost %s", (number,), None) for number in range(100)
    ]
    assert sum(flood.filter(record) for record in records) == MOST
    flood.end()
    assert told == [("lib: lost %s", 100 - MOST)]


def test_messages_without_end_are_counted_in_bounded_memory_and_none_is_forgotten(
    flood: Flood, told: list[tuple[str, int]]
) -> None:
    for _ in range(MOST + 5):
        passes(flood, "warning", "the first")
    for number in range(5 * KEYS):
        assert passes(flood, "warning", f"message {number}")
    assert len(flood._counts) <= KEYS + 1
    assert told == [("the first", 5)]


def test_while_another_thread_counts_a_warning_is_written_and_what_is_over_is_told_later(
    flood: Flood, clock: Turned, told: list[tuple[str, int]]
) -> None:
    class Changing(dict[Key, Count]):
        """As a dictionary is that another thread fills between two steps of this one."""

        changing = True

        def items(self) -> Any:
            if self.changing:
                raise RuntimeError("dictionary changed size during iteration")
            return super().items()

    flood._counts = counts = Changing()
    assert sum(passes(flood, "warning", "again") for _ in range(MOST + 5)) == MOST
    clock.seconds += WINDOW
    assert passes(flood, "info", "request")
    counts.changing = False
    flood.look()
    assert told == [("again", 5)]
