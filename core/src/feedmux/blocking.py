"""The engine for scripts and notebooks: the same questions without await.

with feedmux.blocking.open() as mux:
    print(mux.get(Quotes(["BTC", "ETH"])))

The engine runs on an event loop in a thread of its own, so this works where a loop is already running (Jupyter).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from feedmux import mux, opening
from feedmux.answer import Answer
from feedmux.event import Trace
from feedmux.query import Query
from feedmux.settings import Settings
from feedmux.status import LedgerRow, ProviderStatus

T = TypeVar("T")
PATIENCE = 5.0
"""Seconds that closing waits for the engine to end before it is left behind."""


class Mux:
    """An engine on a loop of its own; usable from any number of threads until it is closed.

    Takes the arguments of `feedmux.open` and raises what that raises. What a question raises is raised where it
    was asked. Closing ends what is under way with NoProvider; a question after that raises RuntimeError.
    """

    def __init__(self, chosen: Settings | Path | str | None = None, **how: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._gate = threading.RLock()  # reentrant: the garbage collector may end a watch anywhere
        self._ended = False
        opened: Future[mux.Mux] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(self._live(opened, chosen, how),), name="feedmux", daemon=True
        )
        self._thread.start()
        try:
            self._engine = opened.result()
        except BaseException:
            self.close()
            raise

    def get(
        self,
        query: Query,
        *,
        max_age: float | None = None,
        deadline: float | None = None,
        only: Sequence[str] = (),
        prefer: Sequence[str] = (),
        cross_check: bool = False,
    ) -> Answer[Any]:
        """As `feedmux.Mux.get`."""
        asked = self._engine.get(
            query, max_age=max_age, deadline=deadline, only=only, prefer=prefer, cross_check=cross_check
        )
        return self._done(asked)

    def explain(
        self,
        query: Query,
        *,
        max_age: float | None = None,
        deadline: float | None = None,
        only: Sequence[str] = (),
        prefer: Sequence[str] = (),
        cross_check: bool = False,
    ) -> Answer[Any]:
        """As `feedmux.Mux.explain`."""
        asked = self._engine.explain(
            query, max_age=max_age, deadline=deadline, only=only, prefer=prefer, cross_check=cross_check
        )
        return self._done(asked)

    def plan(
        self,
        query: Query,
        *,
        only: Sequence[str] = (),
        prefer: Sequence[str] = (),
        cross_check: bool = False,
    ) -> Trace:
        """As `feedmux.Mux.plan`."""
        return self._read(lambda: self._engine.plan(query, only=only, prefer=prefer, cross_check=cross_check))

    def watch(self, query: Query, *, every: float | None = None) -> Iterator[Answer[Any]]:
        """As `feedmux.Mux.watch`, a plain iterator; it waits where nothing changes."""
        answers = self._engine.watch(query, every=every)
        try:
            while True:
                yield self._done(_next(answers))
        finally:
            with contextlib.suppress(RuntimeError):  # closed: the watch has ended with it
                self._sent(_end(answers))

    def providers(self) -> list[ProviderStatus]:
        """As `feedmux.Mux.providers`."""
        return self._read(self._engine.providers)

    def ledger(self) -> list[LedgerRow]:
        """As `feedmux.Mux.ledger`."""
        return self._read(self._engine.ledger)

    @property
    def queries(self) -> Mapping[str, type[Query]]:
        """Every capability that can be asked for, those of third parties included."""
        return self._engine.queries

    def serving(self) -> Mapping[str, list[str]]:
        """Capability to the providers that serve it."""
        return self._read(self._engine.serving)

    @property
    def sandbox(self) -> bool:
        """Whether answers are simulated."""
        return self._engine.sandbox

    @property
    def settings(self) -> Settings:
        return self._engine.settings

    def close(self) -> None:
        """End the engine and its thread; closing twice is harmless."""
        with self._gate:
            if not self._ended:
                self._ended = True
                self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    # on the loop's thread

    def _run(self, living: Coroutine[Any, Any, None]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(living)
        finally:
            with self._gate:
                self._ended = True
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            if left:
                self._loop.run_until_complete(asyncio.wait(left, timeout=1.0))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _live(
        self, opened: Future[mux.Mux], chosen: Settings | Path | str | None, how: dict[str, Any]
    ) -> None:
        """One task opens the engine and closes it, since what it holds may be bound to a task."""
        try:
            async with opening.open(chosen, **how) as engine:
                opened.set_result(engine)
                await self._closing.wait()
        except BaseException as error:  # it is raised where the engine was opened
            if opened.done():
                raise
            opened.set_exception(error)

    # from the caller's thread

    def _sent(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """The work, under way on the loop; raises RuntimeError where the engine is closed."""
        with self._gate:
            if self._ended:
                work.close()
                raise _closed()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives or raises; cancelled where the caller is interrupted."""
        future = self._sent(work)
        try:
            return future.result()
        except CancelledError:
            raise _closed() from None
        except BaseException:
            future.cancel()
            raise

    def _read(self, read: Callable[[], T]) -> T:
        async def reading() -> T:
            return read()

        return self._done(reading())


open = Mux
"""Open an engine: `with feedmux.blocking.open() as mux`, or `mux = feedmux.blocking.open()` and `mux.close()`."""


async def _next(answers: AsyncIterator[T]) -> T:
    return await anext(answers)


async def _end(answers: Any) -> None:
    with contextlib.suppress(RuntimeError):  # its next answer is being cancelled, which ends it
        await answers.aclose()


def _closed() -> RuntimeError:
    return RuntimeError("the engine is closed")
