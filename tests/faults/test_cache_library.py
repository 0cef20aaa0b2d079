"""The library whose interface the cache has, and the defect of its own memory that ours does not share."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiocache import SimpleMemoryCache
from aiocache.base import BaseCache

from feedmux.cache import Memory
from feedmux.virtual import virtual_clock

ROOT = Path(__file__).parents[2]
SOURCES = [
    file
    for folder in ("core", "server", "plugins", "examples")
    for file in (ROOT / folder).rglob("src/**/*.py")
]


def imported(file: Path) -> Iterator[str]:
    """All that a module imports, by its whole name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


async def after_a_clear(cache: Any) -> object:
    """What is under a key that was set for five seconds, cleared, set anew for ever, ten seconds later."""
    await cache.set("key", "old", ttl=5)
    await cache.clear()
    await cache.set("key", "new")
    await virtual_clock().sleep(10)
    return await cache.get("key")


async def test_c8_the_library_s_own_memory_lets_a_timer_from_before_a_clear_delete_what_is_set_after_it() -> (
    None
):
    assert await after_a_clear(SimpleMemoryCache()) is None


async def test_c8_ours_has_no_timers_and_keeps_what_is_set_after_a_clear() -> None:
    assert await after_a_clear(Memory(virtual_clock(), 10)) == "new"


def test_c8_nothing_here_uses_the_library_but_for_its_interface_and_a_serializer_that_does_nothing() -> None:
    taken = {name for file in SOURCES for name in imported(file) if name.startswith("aiocache")}
    assert taken == {"aiocache.base.BaseCache", "aiocache.serializers.NullSerializer"}
    assert Memory.__mro__ == (Memory, BaseCache, object)


@pytest.mark.parametrize("name", ["clear", "set", "get"])
def test_c8_what_ours_inherits_keeps_no_timers(name: str) -> None:
    assert "call_later" not in getattr(BaseCache, name).__code__.co_names
