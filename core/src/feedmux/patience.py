"""How long a plugin may take to load: named in the log while the start waits, given up in the end.

It loads in the thread that waits for it, not in one of its own: a thread cannot be ended, would keep the locks of the
modules it is importing, and might come to its end amid the questions. Giving up is an exception in the plugin's own
code, as an interrupt by the keyboard would be, so that the import ends as one that raises.
"""

from __future__ import annotations

import os.path
import signal
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import structlog
from msgspec import Struct

AGAIN = 1.0
"""Seconds until a plugin that goes on although it was given up is given up again."""
_LIBRARY = sysconfig.get_path("stdlib")
_log = structlog.get_logger("feedmux.registry")


class Patience(Struct, frozen=True):
    """Seconds after which a plugin that is still loading is named, and after which it is given up."""

    warns: float = 5.0
    ends: float = 60.0


PATIENCE = Patience()


class TookTooLong(BaseException):
    """Raised in the plugin that is loading: no `except Exception` of its own keeps it."""


@contextmanager
def bounded(name: str, patience: Patience) -> Iterator[None]:
    """Load a plugin inside; raises TookTooLong there where it takes too long.

    Nobody can be interrupted but in the main thread, on a system with signals, and between two steps of Python: else
    the plugin is named and waited for.
    """
    done = threading.Event()
    with _interruptible(name, patience, done) as interrupt:
        loading = threading.get_ident()
        watching = threading.Thread(
            target=_watch,
            args=(name, patience, done, loading, interrupt),
            name="feedmux-patience",
            daemon=True,
        )
        watching.start()
        try:
            try:
                yield
            finally:
                done.set()
        finally:
            done.set()  # the signal may have come just before the first one
            watching.join()


def _watch(
    name: str, patience: Patience, done: threading.Event, loading: int, interrupt: Callable[[], None] | None
) -> None:
    if done.wait(patience.warns):
        return
    ends = None if interrupt is None else patience.ends
    _log.warning(
        "a plugin is still loading",
        plugin=name,
        seconds=patience.warns,
        where=_where(loading),
        given_up_after=ends,
    )
    if interrupt is None or done.wait(patience.ends - patience.warns):
        return
    interrupt()
    while not done.wait(AGAIN):
        interrupt()


@contextmanager
def _interruptible(
    name: str, patience: Patience, done: threading.Event
) -> Iterator[Callable[[], None] | None]:
    """What raises TookTooLong in this thread, or None where nothing can; an alarm of somebody else's goes on to him."""
    main = threading.main_thread()
    if threading.current_thread() is not main or not hasattr(signal, "pthread_kill"):
        yield None
        return
    expired = threading.Event()

    def alarmed(number: int, frame: FrameType | None) -> None:
        if expired.is_set():
            expired.clear()
            if not done.is_set():
                raise TookTooLong(f"{name} was still loading after {patience.ends:g} s")
        elif callable(before):
            before(number, frame)

    def interrupt() -> None:
        expired.set()
        signal.pthread_kill(main.ident or 0, signal.SIGALRM)

    before: Any = signal.signal(signal.SIGALRM, alarmed)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)


def _where(thread: int) -> str:
    """The file and line at which a thread is, Python's own library aside."""
    frame = sys._current_frames().get(thread)
    while frame is not None and _is_pythons(frame.f_code.co_filename):
        frame = frame.f_back
    return "" if frame is None else f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _is_pythons(file: str) -> bool:
    return file.startswith("<frozen") or (file.startswith(_LIBRARY) and "site-packages" not in file)
