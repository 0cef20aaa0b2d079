"""Who writes the log: lines wait for a thread of its own, and nobody waits for the thread."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread

ROOM = 4 * 1024 * 1024
"""Characters that may wait to be written: what is said beyond is dropped, counted and told."""
PAUSE = 0.01
"""Seconds between two writings, so that many lines are one of them."""


class Scribe:
    """A stream to log to. `write` never blocks and never raises, whatever becomes of what it is written to.

    `sink` takes bytes, gives back how many it took, and may block or raise OSError. `missing` words a line that tells
    how many are missing before it.
    """

    def __init__(self, sink: Callable[[bytes], int], missing: Callable[[int], str]) -> None:
        self._sink = sink
        self._missing = missing
        self._lock = Lock()
        self._waiting: list[str] = []
        self._size = 0
        self._untold = 0
        self._torn = False
        self._ending = False
        self._bell, self._rest = Event(), Event()
        self.dropped = 0
        """Lines that were never written, since the start."""
        self._thread = Thread(target=self._work, name="feedmux-log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Take one line, or drop it where too much waits."""
        with self._lock:
            if self._size + len(text) > ROOM:
                self._drop(1)
            else:
                self._waiting.append(text)
                self._size += len(text)
        self._bell.set()
        return len(text)

    def flush(self) -> None:
        """Nothing: whoever logs waits for nothing."""

    def close(self, patience: float = 1.0) -> None:
        """Write what waits; give it up after `patience` seconds."""
        self._ending = True
        self._rest.set()
        self._bell.set()
        self._thread.join(patience)

    def _work(self) -> None:
        while not self._ending or self._waiting:
            self._bell.wait()
            self._bell.clear()
            with self._lock:
                lines, untold = self._waiting, self._untold
                self._waiting, self._size, self._untold = [], 0, 0
            told = [self._missing(untold)] if untold else []
            if not self._written("".join((*lines, *told)).encode(errors="replace")):
                with self._lock:
                    self._untold += untold
                    self._drop(len(lines))
            self._rest.wait(PAUSE)

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
