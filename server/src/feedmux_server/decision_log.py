"""The decision log: a line for each question, written by a thread of its own so that no disk can slow a question."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import structlog

from feedmux import Answer, FeedmuxError, SettingsError
from feedmux.clock import Chance, Clock
from feedmux.decision import VERSION, Attempt, Began, Decision, Dropped, Line, parameters_of
from feedmux.event import Answered, Event, Trace, Tried
from feedmux_server.question import PLAIN, Question

ROOM = 10_000
"""Lines that wait for the disk; what comes beyond them is dropped."""
CAP = 64 * 1024 * 1024
"""Bytes of a file, about, after which the next begins; one predecessor is kept, named `.1`."""
PATIENCE = 2.0
"""Seconds that the end waits for the disk."""
REMEMBERED = 4096
"""Tries that are known to stand in the log already."""
_log = structlog.get_logger("feedmux.decision_log")


class LogFile:
    """The file, and the one before it. Not for the event loop."""

    def __init__(self, path: Path, clock: Clock, cap: int = CAP) -> None:
        self._path = path
        self._clock = clock
        self._cap = cap
        self._open()

    def write(self, line: Line) -> None:
        """Append a line; raises OSError."""
        self._turn()
        self._append(line)

    def tell_dropped(self, lines: int) -> None:
        """Append that so many more lines are missing, as their sum in this file; raises OSError."""
        self._turn()
        self._append(Dropped(round(self._clock.now().timestamp(), 3), self._dropped + lines))
        self._dropped += lines

    def _turn(self) -> None:
        if self._size >= self._cap:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            before = self._file
            self._open()
            before.close()

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _open(self) -> None:
        self._file = open(self._path, "ab", buffering=0, opener=_private)  # noqa: SIM115 - closed by `close`
        os.fchmod(self._file.fileno(), 0o600)
        self._size = self._file.tell()
        self._dropped = 0
        self._append(Began(VERSION, version("feedmux"), round(self._clock.now().timestamp(), 3)))

    def _append(self, line: Line) -> None:
        written = msgspec.json.encode(line) + b"\n"
        self._file.write(written)
        self._size += len(written)


class DecisionLog:
    """Takes questions as they end, on the loop; `dropped` counts those that found no room or no disk."""

    def __init__(self, file: LogFile, clock: Clock, room: int = ROOM, seed: int | None = None) -> None:
        self.dropped = 0
        self._file = file
        self._clock = clock
        self._salt = Chance(seed).generator("decision log").getrandbits(128).to_bytes(16, "big")
        self._lines: queue.Queue[Decision | None] = queue.Queue(room)
        self._said = 0
        self._failing = False
        self._seen: OrderedDict[int, Tried] = OrderedDict()
        self._writer = threading.Thread(target=self._write, name="decision log", daemon=True)

    def begin(self) -> None:
        """Write from now on."""
        self._writer.start()

    async def aclose(self) -> None:
        """Write what waits, for as long as the patience lasts."""
        with suppress(queue.Full):
            await asyncio.to_thread(self._lines.put, None, timeout=PATIENCE)
        await asyncio.to_thread(self._writer.join, PATIENCE)

    def answered(self, question: Question, answer: Answer[Any], began: float) -> None:
        """A question that began then (monotonic seconds) was answered."""
        events = answer.trace.events
        source = next((event.source for event in reversed(events) if isinstance(event, Answered)), "cache")
        outcome = "stale" if answer.stale else "fresh"
        self._put(question, began, outcome, source, answer.providers, self._attempts(events))

    def failed(self, question: Question, error: FeedmuxError, began: float) -> None:
        """A question that began then (monotonic seconds) ended in an error."""
        events = error.trace.events if isinstance(error.trace, Trace) else ()
        self._put(question, began, error.slug, "", (), self._attempts(events))

    def _put(
        self,
        question: Question,
        began: float,
        outcome: str,
        source: str,
        providers: tuple[str, ...],
        attempts: tuple[Attempt, ...],
    ) -> None:
        seconds = self._clock.monotonic() - began
        decision = Decision(
            at=round(self._clock.now().timestamp() - seconds, 3),
            capability=question.query.capability,
            outcome=outcome,
            ms=round(seconds * 1000, 1),
            parameters=parameters_of(question.query, self._salt),
            how={} if question.plain and question.how.deadline is None else _how(question),
            source=source,
            providers=providers,
            attempts=attempts,
        )
        try:
            self._lines.put_nowait(decision)
        except queue.Full:
            self.dropped += 1

    def _attempts(self, events: Iterable[Event]) -> tuple[Attempt, ...]:
        """The tries among these that no line has told yet: questions that shared a flight share its events."""
        new = []
        for event in events:
            if isinstance(event, Tried) and id(event) not in self._seen:
                self._seen[id(event)] = event
                new.append(event)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return tuple(
            Attempt(one.member, one.provider, one.result.value, round(one.seconds * 1000, 1), one.requests)
            for one in new
        )

    def _write(self) -> None:
        """The writer's thread."""
        while (line := self._lines.get()) is not None:
            self._written(line)
        with suppress(OSError):
            self._say_dropped()
            self._file.close()

    def _written(self, line: Decision) -> None:
        try:
            self._say_dropped()
            self._file.write(line)
        except OSError as error:
            self.dropped += 1
            if not self._failing:
                _log.warning("the decision log cannot be written", error=error.strerror or str(error))
            self._failing = True
        else:
            self._failing = False

    def _say_dropped(self) -> None:
        if (dropped := self.dropped) > self._said:
            self._file.tell_dropped(dropped - self._said)
            self._said = dropped


@asynccontextmanager
async def opened(path: str | None, clock: Clock) -> AsyncIterator[DecisionLog | None]:
    """A log for as long as the server runs; None where none is configured. Raises SettingsError."""
    if path is None:
        yield None
        return
    try:
        file = await asyncio.to_thread(_file, path, clock)
    except OSError as error:
        raise SettingsError(f"server.decision_log: {path}: {error.strerror or error}") from None
    log = DecisionLog(file, clock)
    log.begin()
    try:
        yield log
    finally:
        await log.aclose()


def _how(question: Question) -> dict[str, Any]:
    """The conditions that were given."""
    given = msgspec.structs.asdict(question.how)
    return {name: value for name, value in given.items() if value != getattr(PLAIN, name)}


def _file(path: str, clock: Clock) -> LogFile:
    return LogFile(Path(path).expanduser(), clock)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
