"""A store that fails or hangs stops nothing."""

from __future__ import annotations

from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Quotes, virtual


class Raising:
    """A store that is out of reach."""

    async def read(self, key):
        raise OSError("gone")

    async def compare_and_set(self, key, value, version):
        raise OSError("gone")

    async def lease(self, window, limit, holder):
        raise OSError("gone")

    async def give_back(self, lease):
        raise OSError("gone")


class Hanging:
    """A store that never answers."""

    async def read(self, key):
        await virtual.virtual_clock().sleep(1e6)

    compare_and_set = lease = give_back = lambda self, *what: self.read("")


async def test_a_store_that_raises_stops_neither_the_start_nor_a_question_nor_the_end():
    async with world({"p0": (provider(), Remote())}, store=Raising()) as simulated:
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


async def test_a_store_that_hangs_is_waited_for_no_longer_than_a_moment():
    async with world({"p0": (provider(), Remote())}, store=Hanging()) as simulated:
        assert simulated.mux.clock.monotonic() < 3
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1
