"""Kept answers: what the store and the other processes are told of them."""

from __future__ import annotations

from typing import Any

from feedmux.cache import Cache, Entry
from feedmux.clock import SystemClock
from feedmux.items import BalanceFigure
from feedmux.kept import KeptAnswers
from feedmux.query import Balance
from feedmux.store import MemoryStore


def test_a_figure_of_any_size_is_written_and_read_as_it_was() -> None:
    clock = SystemClock()
    nothing: Any = None
    kept = KeptAnswers(Cache(clock, 10), MemoryStore(), clock, {"balance": Balance}, ("one",), nothing)
    now, question = clock.monotonic(), Balance("0x" + "0" * 40)
    item = BalanceFigure(address="0x" + "0" * 40, chain="ethereum", wei=2**70)
    shelved = kept.shelved(question, Entry("one", "one", (item,), now, now + 60, now + 600))
    assert shelved is not None

    read = kept.read(shelved.key, shelved.value)

    assert read is not None
    assert read[0] == question
    assert read[1].items == (item,)
