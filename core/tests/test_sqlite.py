"""The state file: what it keeps, whom it lets read, and what becomes of one that cannot be used."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing

import pytest
from simulated.engine import world
from simulated.providers import endpoint, provider
from simulated.remote import Remote, in_turn, refusal
from simulated.statefile import AtOnce

import feedmux
from feedmux import DAY, NoProvider, Quotes, Settings, Terms, Trending, Window, sqlite
from feedmux.breaker import State
from feedmux.clock import SystemClock
from feedmux.settings import EngineSettings, Sandbox, StoreSettings
from feedmux.sqlite import Database, SqliteStore
from feedmux.statefile import holders, location, opened
from feedmux.store import Shelved

BTC = Quotes(["BTC"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "state.db"


def usable(database):
    assert database is not None
    with closing(database):
        assert database.compare_and_set("key", b"value", 0)
        assert database.read("key").value == b"value"


def aside(path):
    return sorted(one.name.split("-")[0] for one in path.parent.iterdir() if one.name.count(".") > 1)


def test_only_the_owner_can_read_the_file_and_its_directory(path):
    with closing(Database(path)) as database:
        database.compare_and_set("key", b"value", 0)
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}

    assert set(modes.values()) == {0o600}
    assert len(modes) == 3
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_value_is_written_only_over_the_version_that_was_read(path):
    with closing(Database(path)) as one, closing(Database(path)) as other:
        assert one.compare_and_set("key", b"first", 0)
        assert not other.compare_and_set("key", b"second", 0)
        assert other.compare_and_set("key", b"third", 1)
        assert one.read("key").value == b"third"


def torn(path):
    path.write_bytes(b"SQLite format 3\0" + os.urandom(8000))


def flipped(path):
    with closing(Database(path)) as database:
        for n in range(200):
            database.compare_and_set(f"key{n}", bytes(100), 0)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def foreign(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table theirs (id integer)")


def newer(path):
    Database(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma user_version = {sqlite.VERSION + 1}")


@pytest.mark.parametrize(
    ("spoil", "why"), [(torn, "torn"), (flipped, "torn"), (foreign, "foreign"), (newer, "newer")]
)
def test_a_file_that_cannot_be_used_is_put_aside_and_a_new_one_begun(path, spoil, why):
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()

    usable(opened(path, SystemClock()))

    assert aside(path) == [f"state.db.{why}"]
    (kept,) = path.parent.glob("*." + why + "-*")
    assert kept.read_bytes()[4096:] == before[4096:]


def test_an_empty_file_is_begun(path):
    path.parent.mkdir()
    path.touch()
    usable(opened(path, SystemClock()))
    assert aside(path) == []


def test_where_no_file_can_be_there_is_none(tmp_path):
    (tmp_path / "file").write_text("no directory")
    assert opened(tmp_path / "file" / "state.db", SystemClock()) is None
    assert opened(tmp_path, SystemClock()) is None


def test_the_place_is_the_users_state_directory_or_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert location("sqlite:") == tmp_path / "feedmux" / "state.db"
    assert location("sqlite:/var/lib/feedmux.db").as_posix() == "/var/lib/feedmux.db"


def test_what_is_too_much_on_the_shelf_gives_way_the_oldest_first(path, monkeypatch):
    monkeypatch.setattr(sqlite, "SHELF_ANSWERS", 3)
    monkeypatch.setattr(sqlite, "BETWEEN_SWEEPS", 1)
    with closing(Database(path)) as database:
        for n in range(10):
            database.shelve([Shelved(b"%d" % n, b"value", 100.0 + n)], 0.0)
        assert [one.key for one in database.shelved(0.0)] == [b"7", b"8", b"9"]
        assert [one.key for one in database.shelved(108.0)] == [b"9"]


async def test_an_answer_outlives_the_process_and_is_marked_stale_by_its_own_time(stores):
    providers = {"one": (provider(), Remote(script=in_turn(None, refusal())))}
    async with world(providers, store=stores()) as simulated:
        first = await simulated.mux.get(BTC)
        await simulated.mux.clock.sleep(40)
    async with world(providers, store=stores()) as simulated:
        again = await simulated.mux.get(BTC)

    assert again.items[0].price == first.items[0].price
    assert again.items[0].fetched_at == first.items[0].fetched_at
    assert (first.stale, again.stale) == (False, True)


async def test_an_answer_of_a_provider_that_is_gone_is_let_go_of(stores):
    async with world({"gone": (provider(), Remote())}, store=stores()) as simulated:
        await simulated.mux.get(BTC)
    async with world({"here": (provider(), Remote())}, store=stores()) as simulated:
        assert (await simulated.mux.get(BTC)).providers == ("here",)


async def test_an_answer_inside_its_ttl_is_not_asked_for_again_after_a_restart(stores):
    remote = Remote()
    providers = {"one": (provider(endpoint(Trending, Terms(ttl=300))), remote)}
    for _ in range(3):
        async with world(providers, store=stores()) as simulated:
            assert len(await simulated.mux.get(Trending(limit=5))) == 5
            await simulated.mux.clock.sleep(70)

    assert remote.requests == 1


async def crashed(path, providers, question):
    """The file as a process leaves it that asked, and a moment later was no more."""
    copy = path.with_name("crashed.db")
    async with world(providers, store=AtOnce(path)) as simulated:
        try:
            await simulated.mux.get(question)
        except NoProvider:
            pass
        await simulated.mux.clock.sleep(0.2)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    return copy


async def test_an_answer_survives_a_crash(path):
    providers = {"one": (provider(), Remote())}
    copy = await crashed(path, providers, BTC)
    async with world(providers, store=AtOnce(copy)) as simulated:
        assert len(simulated.mux.held(BTC)) == 1


async def test_a_refusal_and_a_short_window_survive_a_crash(path):
    limits = {"windows": (Window(1, 60), Window(9, DAY))}
    copy = await crashed(path, {"one": (provider(limits=limits), Remote(script=in_turn(refusal())))}, BTC)
    async with world({"one": (provider(limits=limits), Remote())}, store=AtOnce(copy), seed=2) as simulated:
        (row,) = simulated.mux.providers()
        assert row.state is State.THROTTLED
        assert [window.left for window in simulated.mux.ledger()] == [0, 7]


@pytest.mark.parametrize("value", [b"", b"\x90", b"\xff" * 50, bytes(1000)])
async def test_a_stored_answer_that_cannot_be_read_is_let_go_of(path, value):
    providers = {"one": (provider(), Remote())}
    async with world(providers, store=AtOnce(path)) as simulated:
        await simulated.mux.get(BTC)
    with closing(Database(path)) as database:
        (kept,) = database.shelved(0.0)
        database.shelve([Shelved(kept.key, value, kept.until), Shelved(b"\xc1", value, kept.until)], 0.0)
    async with world(providers, store=AtOnce(path)) as simulated:
        assert simulated.mux.held(BTC) == []
        assert len(await simulated.mux.get(BTC)) == 1


def test_a_file_that_another_process_holds_is_waited_for_no_longer_than_a_moment(path):
    async def work():
        store = SqliteStore(Database(path), holders(path))
        with closing(sqlite3.connect(path)) as other:
            other.execute("begin immediate")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                await asyncio.wait_for(store.compare_and_set("key", b"value", 0), 5)
        assert await store.compare_and_set("key", b"value", 0)
        await store.aclose()

    asyncio.run(work())


def test_an_engine_keeps_its_state_where_the_configuration_says_and_the_sandbox_nowhere(path):
    async def ask(**engine):
        chosen = Settings(store=StoreSettings(url=f"sqlite:{path}"), engine=EngineSettings(**engine))
        async with feedmux.open(chosen, seed=1):
            return path.exists()

    assert not asyncio.run(ask(sandbox=Sandbox.ON))
    assert asyncio.run(ask())
