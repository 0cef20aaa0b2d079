"""The relay over a Valkey or Redis server: one channel, and a key with a time to live for each lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis

LOOK = 1.0
"""Seconds for which one look at the channel waits for a message."""
QUIET, DEAF = 4.0, 10.0
"""Seconds without a word after which the server is asked whether it is there, and after which it is not."""
AT_ONCE = 1000
"""Leads asked for in one message, so that the server answers others in between."""
_LEAD = """
local held = {}
for place, key in ipairs(KEYS) do
    local leader = redis.call('GET', key)
    if not leader or leader == ARGV[1] then
        redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
        held[#held + 1] = place - 1
    end
end
return held
"""
_RESIGN = """
for _, key in ipairs(KEYS) do
    if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
"""


class ValkeyRelay:
    """Whoever shares `namespace` and the database of the client hears each other. The client stays the caller's."""

    def __init__(self, client: Redis, namespace: str) -> None:
        database = client.connection_pool.connection_kwargs.get("db") or 0
        self._client = client
        self._namespace = namespace
        self._channel = f"{namespace}:{database}:relay"  # channels know no databases
        self._lead: Any = client.register_script(_LEAD)
        self._resign: Any = client.register_script(_RESIGN)

    async def publish(self, message: bytes) -> None:
        await self._client.publish(self._channel, message)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[bytes]]:
        pubsub: Any = self._client.pubsub(ignore_subscribe_messages=True)
        try:
            await pubsub.subscribe(self._channel)
            yield _messages(pubsub)
        finally:
            await pubsub.aclose()

    async def lead(self, names: Collection[str], holder: str, seconds: float) -> frozenset[str]:
        led = set[str]()
        for some in _some(names):
            held = await self._lead(keys=self._keys(some), args=[holder, int(seconds * 1000)])
            led.update(some[place] for place in held)
        return frozenset(led)

    async def resign(self, names: Collection[str], holder: str) -> None:
        for some in _some(names):
            await self._resign(keys=self._keys(some), args=[holder])

    def _keys(self, names: Collection[str]) -> list[str]:
        return [f"{self._namespace}:lead:{name}" for name in names]


def _some(names: Collection[str]) -> list[list[str]]:
    ordered = list(names)
    return [ordered[first : first + AT_ONCE] for first in range(0, len(ordered), AT_ONCE)]


async def _messages(pubsub: Any) -> AsyncIterator[bytes]:
    time = asyncio.get_running_loop().time
    heard_at = asked_at = time()
    while True:
        message = await pubsub.get_message(timeout=LOOK)
        if message is not None:
            heard_at = time()
            if message["type"] == "message":
                yield message["data"]
        elif time() > heard_at + DEAF:
            raise ConnectionError("the server says nothing any more")
        elif time() > max(heard_at, asked_at) + QUIET:
            asked_at = time()
            await pubsub.ping()
