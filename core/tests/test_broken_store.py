"""A store that fails or hangs stops nothing."""

from __future__ import annotations

from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import Quotes, Window, virtual
from feedmux.orders import PLACE
from feedmux.store import MemoryStore, Versioned


class Raising:
    """A store that is out of reach."""

    shares = False
    lasts = True

    async def read(self, key):
        raise OSError("gone")

    async def compare_and_set(self, key, value, version):
        raise OSError("gone")

    async def lease(self, window, limit, holder):
        raise OSError("gone")

    async def give_back(self, lease):
        raise OSError("gone")

    async def renew(self, holder, wall, claims, *, final):
        raise OSError("gone")

    async def shelve(self, answers, wall):
        raise OSError("gone")

    async def shelved(self, wall, after):
        raise OSError("gone")


class Hanging:
    """A store that never answers."""

    shares = False
    lasts = True

    async def read(self, key):
        await virtual.virtual_clock().sleep(1e6)

    compare_and_set = lease = give_back = shelve = shelved = lambda self, *what: self.read("")


async def test_a_store_that_raises_stops_neither_the_start_nor_a_question_nor_the_end():
    async with world({"p0": (provider(), Remote())}, store=Raising()) as simulated:
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


class Ailing(MemoryStore):
    """Out of reach for as long as it is ill."""

    ill = True

    async def compare_and_set(self, key, value, version):
        if self.ill:
            raise OSError("disk full")
        return await super().compare_and_set(key, value, version)


async def test_the_engine_says_that_its_store_is_of_no_use_and_that_it_is_well_again():
    store = Ailing()
    async with world({"p0": (provider(), Remote())}, store=store) as simulated:
        await simulated.mux.get(Quotes(["BTC"]))
        await simulated.mux.clock.sleep(0.1)
        assert "disk full" in simulated.mux.degraded
        store.ill = False
        await simulated.mux._company.save(simulated.mux._fleet.standings["p0"])
        assert simulated.mux.degraded == ""


async def test_a_store_that_hangs_is_waited_for_no_longer_than_a_moment():
    async with world({"p0": (provider(), Remote())}, store=Hanging()) as simulated:
        assert simulated.mux.clock.monotonic() < 3
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


class Refusing(Raising):
    """A store that raises before it gives anything to await."""

    def lease(self, window, limit, holder):
        raise OSError("gone")

    read = compare_and_set = give_back = shelve = shelved = lease


class Closing(Remote):
    """An upstream that says whether its connections were closed."""

    closed = False

    async def aclose(self):
        self.closed = True


class Failing(Closing):
    async def aclose(self):
        raise OSError("cannot close")


async def test_a_store_that_raises_at_once_does_no_more_harm():
    async with world({"p0": (provider(), Remote())}, store=Refusing()) as simulated:
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


async def test_of_many_members_only_the_first_waits_for_a_store_that_hangs():
    providers = {f"p{n}": (provider(limits={"windows": (Window(9, 60),)}), Closing()) for n in range(40)}
    async with world(providers, store=Hanging()) as simulated:
        assert simulated.mux.clock.monotonic() < 1
        began = simulated.mux.clock.monotonic()

    assert virtual.virtual_clock().monotonic() - began < 2
    assert all(remote.closed for _, remote in providers.values())


async def test_without_a_store_a_window_is_as_large_as_declared():
    providers = {"p0": (provider(limits={"windows": (Window(9, 60),)}), Remote())}
    async with world(providers, store=Raising()) as simulated:
        assert simulated.mux.ledger()[0].left == 9


async def test_a_transport_that_cannot_be_closed_does_not_keep_the_others_open():
    other = Closing()
    async with world({"p0": (provider(), Failing()), "p1": (provider(), other)}):
        pass

    assert other.closed


class Odd(MemoryStore):
    """Gives something that is no bytes where the orders are, once."""

    shares = True

    def __init__(self):
        super().__init__()
        self.looks = 0

    async def read(self, key):
        if key != PLACE:
            return await super().read(key)
        self.looks += 1
        return Versioned(5, 1) if self.looks == 2 else None


async def test_company_is_kept_after_what_nobody_expected():
    store = Odd()
    async with world({"p0": (provider(), Remote())}, store=store) as simulated:
        await simulated.mux.clock.sleep(6)
    assert store.looks >= 4
