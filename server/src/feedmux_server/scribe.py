"""Who writes the log: lines wait for a thread of its own, and nobody waits for the thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, RLock, Thread

ROOM = 4 * 1024 * 1024
"""Characters that may wait to be written: what is said beyond is dropped, counted and told."""
PAUSE = 0.01
"""Seconds between two writings, so that many lines are one of them."""


class Scribe:
    """A stream to log to. `write` never blocks and never raises, whatever becomes of what it is written to.

    `sink` takes bytes, gives back how many it took, and may block or raise OSError. `missing` words a line that tells
    how many are missing before it. What the garbage collector ends, as an unfinished task, may write amid a `write` of
    the same thread: no lock here is one that a thread cannot take twice.
    """

    def __init__(self, sink: Callable[[bytes], int], missing: Callable[[int], str]) -> None:
        self._sink = sink
        self._missing = missing
        self._lock = RLock()
        self._waiting: SimpleQueue[str] = SimpleQueue()
        self._size = 0
        self._untold = 0
        self._torn = False
        self._ending = False
        self._rest = Event()
        self.dropped = 0
        """Lines that were never written, since the start."""
        self._thread = Thread(target=self._work, name="feedmux-log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Take one line, or drop it where too much waits."""
        size = len(text)
        with self._lock:
            if self._size + size > ROOM:
                self._drop(1)
            else:
                self._size += size
                self._waiting.put(text)
        return size

    def flush(self) -> None:
        """Nothing: whoever logs waits for nothing."""

    def close(self, patience: float = 1.0) -> None:
        """Write what waits; give it up after `patience` seconds."""
        self._ending = True
        self._rest.set()
        self._waiting.put("")
        self._thread.join(patience)

    def _work(self) -> None:
        while not self._ending or not self._waiting.empty():
            lines = self._taken()
            with self._lock:
                untold, self._untold = self._untold, 0
            told = [self._missing(untold)] if untold else []
            if not self._written("".join((*lines, *told)).encode(errors="replace")):
                with self._lock:
                    self._untold += untold
                    self._drop(len(lines))
            self._rest.wait(PAUSE)

    def _taken(self) -> list[str]:
        """What waits, once anything does; none where it is only the end."""
        lines = [self._waiting.get()]
        with suppress(Empty):
            while True:
                lines.append(self._waiting.get_nowait())
        size = sum(map(len, lines))
        with self._lock:
            self._size -= size
        return [line for line in lines if line]

    def _drop(self, lines: int) -> None:
        self._untold += lines
        self.dropped += lines

    def _written(self, text: bytes) -> bool:
        """Whether all of it was taken; a line that was cut is ended by the next writing."""
        left = memoryview(b"\n" + text if self._torn else text)
        try:
            while left:
                left = left[self._sink(bytes(left)) :]
        except OSError:  # nobody reads any more, the disk is full, the descriptor is closed
            self._torn = self._torn or len(left) < len(text)
            return False
        self._torn = False
        return True
