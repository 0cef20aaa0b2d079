"""The one thread on which a model is loaded and reads, so that the event loop never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore

from feedmux import RateLimited
from feedmux_sentiment.reading import Model, Reading

PLACES = 4
"""Jobs under way or in line; past that the caller is told to come back."""


class Worker:
    """Jobs in the order they came. The model is loaded by the first; where that fails, the next tries anew."""

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load
        self._model: Model | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feedmux-sentiment")
        self._places = BoundedSemaphore(PLACES)

    async def read(self, texts: Sequence[str]) -> tuple[str, list[Reading]]:
        """The model's name and a reading for each text.

        Raises RateLimited where the line is full, and what loading raises. Cancelled in line, it never begins;
        cancelled later, its reading is thrown away.
        """
        if not self._places.acquire(blocking=False):
            raise RateLimited("its line is full", retry_after=1.0)
        job = self._thread.submit(self._read, texts)
        job.add_done_callback(self._leave)
        return await asyncio.wrap_future(job)

    def _leave(self, job: Future[tuple[str, list[Reading]]]) -> None:
        self._places.release()

    def _read(self, texts: Sequence[str]) -> tuple[str, list[Reading]]:
        if self._model is None:
            self._model = self._load()
        return self._model.name, self._model.read(texts)
