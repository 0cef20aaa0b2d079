"""The state file: one SQLite database, all its work in a thread of its own, so that the event loop never waits for a disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec import structs
from msgspec.msgpack import decode, encode

from feedmux.grants import PRESENCE, grants_for
from feedmux.leases import HOURS, LATE, Beat, Claim, Grant, Share, spent
from feedmux.pulse import Pulse
from feedmux.store import SHELF_ANSWERS, SHELF_BYTES, Lease, Shelved, Versioned

MARK = 0x466D7578
"""SQLite's application_id of a file of ours."""
VERSION = 1
LOCKED = 0.25
"""Seconds that the thread waits for another process's write."""
BETWEEN_SWEEPS = 1000
"""Answers written between two looks at what is too much."""
_TABLES = """
create table kept (key text primary key, value blob not null, version integer not null) without rowid;
create table answer (
    id integer primary key autoincrement,
    key blob not null unique,
    value blob not null,
    until real not null
);
create table share (
    window text not null,
    holder text not null,
    units integer not null,
    wants integer not null,
    since real not null,
    per real not null,
    occupied blob not null,
    written real not null,
    final integer not null,
    primary key (window, holder)
) without rowid;
"""
P = ParamSpec("P")
T = TypeVar("T")


class Unfit(Exception):
    """The file cannot be used as it is; the text says why, in one word."""


class Database:
    """One connection, for one thread at a time. Raises sqlite3.Error for whatever goes wrong with the file."""

    def __init__(self, path: Path) -> None:
        """Open or make the file, readable by its owner only. Raises Unfit for one that is not ours to use."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # what SQLite puts beside it has the same mode
        self._connection = sqlite3.connect(
            path, timeout=LOCKED, isolation_level=None, check_same_thread=False
        )
        self._unswept = BETWEEN_SWEEPS
        try:
            self._begin()
        except BaseException:
            self._connection.close()
            raise

    def _begin(self) -> None:
        try:
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            with self._writing():
                self._make()
            (sound,) = self._connection.execute("pragma quick_check(1)").fetchone()
        except sqlite3.OperationalError:
            raise  # locked, full, not to be read: nothing that the file says
        except sqlite3.DatabaseError as error:
            raise Unfit("torn") from error
        if sound != "ok":
            raise Unfit("torn")

    def _make(self) -> None:
        (mark,) = self._connection.execute("pragma application_id").fetchone()
        (version,) = self._connection.execute("pragma user_version").fetchone()
        (tables,) = self._connection.execute("select count(*) from sqlite_master").fetchone()
        if mark == MARK and version > VERSION:
            raise Unfit("newer")
        if mark == MARK and version == VERSION:
            return
        if mark or version or tables:
            raise Unfit("foreign")
        for statement in _TABLES.split(";\n"):
            self._connection.execute(statement)
        self._connection.execute(f"pragma application_id = {MARK}")
        self._connection.execute(f"pragma user_version = {VERSION}")

    def _writing(self) -> _Transaction:
        return _Transaction(self._connection)

    def read(self, key: str) -> Versioned | None:
        row = self._connection.execute("select value, version from kept where key = ?", (key,)).fetchone()
        return Versioned(*row) if row else None

    def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        with self._writing():
            held = self.read(key)
            if (held.version if held else 0) != version:
                return False
            self._connection.execute("replace into kept values (?, ?, ?)", (key, value, version + 1))
            return True

    def renew(
        self, holder: str, wall: float, claims: Sequence[Claim], beats: Mapping[str, Beat], *, final: bool
    ) -> list[Grant]:
        """Write what a holder says and grant its shares; what of dead holders counts no more is let go of."""
        with self._writing():
            shares = self._shares()
            grants = grants_for(holder, wall, claims, shares, beats)
            for claim, grant in zip(claims, grants, strict=True):
                own = next((one for one in shares.get(claim.window, ()) if one.holder == holder), None)
                self._share(own, holder, claim, claim.used if final else grant.units, wall, final)
            claimed = {claim.window for claim in claims}
            for window, held in shares.items():
                for one in held:
                    unclaimed = one.holder == holder and window not in claimed
                    if unclaimed or (one.holder != holder and spent(one, beats, wall)):
                        where = (window, one.holder)
                        self._connection.execute("delete from share where window = ? and holder = ?", where)
            return grants

    def offered(
        self, holder: str, wall: float, claims: Sequence[Claim], beats: Mapping[str, Beat]
    ) -> list[Grant]:
        """What `renew` would grant; nothing is written."""
        return grants_for(holder, wall, claims, self._shares(), beats)

    def _share(
        self, before: Share | None, holder: str, claim: Claim, units: int, wall: float, final: bool
    ) -> None:
        """Write a share where it is another than before."""
        now = Share(holder, units, claim.wants, claim.since, claim.per, claim.occupied, wall, final)
        if before is not None and structs.replace(before, written=wall) == now:
            return
        hunger = (claim.wants, claim.since)
        row = (claim.window, holder, units, *hunger, claim.per, encode(claim.occupied), wall, final)
        self._connection.execute("replace into share values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _shares(self) -> dict[str, list[Share]]:
        shares: dict[str, list[Share]] = {}
        for window, holder, units, wants, since, per, told, *last in self._connection.execute(
            "select * from share"
        ):
            occupied, (written, final) = decode(told, type=tuple[tuple[float, int], ...]), last
            share = Share(holder, units, wants, since, per, occupied, written, bool(final))
            shares.setdefault(window, []).append(share)
        return shares

    def sharers(self) -> set[str]:
        """The holders of whom anything counts."""
        return {holder for (holder,) in self._connection.execute("select distinct holder from share")}

    def shelve(self, answers: Sequence[Shelved], wall: float) -> None:
        """Keep answers, each in the place of the one under its key; now and then let go of what is too much."""
        with self._writing():
            rows = [(one.key, one.value, one.until) for one in answers]
            self._connection.executemany("replace into answer (key, value, until) values (?, ?, ?)", rows)
            self._unswept += len(rows)
            if self._unswept >= BETWEEN_SWEEPS:
                self._unswept = 0
                self._sweep(wall)

    def _sweep(self, wall: float) -> None:
        self._connection.execute("delete from answer where until <= ?", (wall,))
        newest = "select id, length(value) from answer order by id desc"
        size = 0
        for count, (place, length) in enumerate(self._connection.execute(newest).fetchall(), start=1):
            size += length
            if size > SHELF_BYTES or count > SHELF_ANSWERS:
                self._connection.execute("delete from answer where id <= ?", (place,))
                return

    def shelved(self, wall: float, after: int = 0) -> list[Shelved]:
        """The answers that may still be served and were written after that place, the oldest first."""
        rows = self._connection.execute(
            "select key, value, until, id from answer where id > ? and until > ? order by id", (after, wall)
        )
        return [Shelved(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()


class _Transaction:
    """A write that happens as a whole or not at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._connection.in_transaction:  # a full disk has ended it already
            self._connection.execute("rollback" if kind else "commit")


class SqliteStore:
    """A Store on a state file. One thread does the work, in the order in which it came."""

    shares = True
    lasts = True

    def __init__(self, database: Database, directory: Path) -> None:
        """`directory` is where those who share the file show that they live."""
        self._database = database
        self._directory = directory
        self._pulse: Pulse | None = None
        self._ended = False
        self._renewed = False
        """Until then it may have what is nobody's where no other lives, written or not."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedmux-store")

    async def read(self, key: str) -> Versioned | None:
        return await self._done(self._database.read, key)

    async def compare_and_set(self, key: str, value: bytes, version: int) -> bool:
        return await self._done(self._database.compare_and_set, key, value, version)

    async def lease(self, window: str, limit: int, holder: str) -> Lease:
        return Lease(window, holder, 0)  # until the first renewal

    async def renew(self, holder: str, wall: float, claims: Sequence[Claim], *, final: bool) -> list[Grant]:
        return await self._done(self._renew, holder, wall, claims, final=final)

    def _renew(self, holder: str, wall: float, claims: Sequence[Claim], *, final: bool) -> list[Grant]:
        pulse = self._pulse = self._pulse or Pulse(self._directory, holder)
        claims = [*claims, PRESENCE]
        pulse.beat(wall)
        beats = pulse.beats(wall)
        try:
            before = self._database.sharers()
            grants = self._database.renew(holder, wall, claims, beats, final=final)
        except sqlite3.Error:
            alone = not any(beat.alive for name, beat in beats.items() if name != holder)
            if self._renewed or not alone:
                raise
            return self._database.offered(holder, wall, claims, beats)[:-1]
        self._renewed, self._ended = True, final
        grants = grants[:-1]
        if any(not beat.alive for beat in beats.values()):
            counted = self._database.sharers()
            for name, beat in beats.items():
                if name not in counted and (name in before or beat.seen + LATE + HOURS < wall):
                    pulse.forget(name)
        return grants

    async def give_back(self, lease: Lease) -> None:
        return None

    async def shelve(self, answers: Sequence[Shelved], wall: float) -> None:
        await self._done(self._database.shelve, answers, wall)

    async def shelved(self, wall: float, after: int) -> list[Shelved]:
        return await self._done(self._database.shelved, wall, after)

    async def aclose(self) -> None:
        """Finish what is under way, then close the file."""
        try:
            await self._done(self._database.close)
            if self._pulse is not None:
                self._pulse.close(forgotten=self._ended)
        finally:
            self._thread.shutdown(wait=False)

    async def _done(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: work(*arguments, **named)
        )
