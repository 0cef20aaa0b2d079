"""What loading a plugin did to the process: looked for cheaply, put back where that can be, and told.

Plugins are trusted: this finds accidents, not intentions. What is written below Python, to a descriptor, is not seen.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import structlog

_REPLACED: list[object] = []
"""What plugins put in the place of standard output: it closes what it wraps once it is freed, so it never is."""


class Aside:
    """Standard output while a plugin loads: what its thread prints goes to standard error, and is counted."""

    def __init__(self, real: TextIO | None) -> None:
        self._real = real
        self._loading: int | None = threading.get_ident()
        self.written = 0

    def write(self, text: str) -> int:
        if threading.get_ident() == self._loading:
            self.written += len(text)
        chosen = sys.stderr if threading.get_ident() == self._loading else self._real
        return len(text) if chosen is None else chosen.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        if self._real is not None:
            self._real.flush()

    def close(self) -> None:
        """Nothing: it is everybody's."""

    def detach(self) -> Any:
        """What is below, which stays in use above."""
        return self.buffer

    def end(self) -> None:
        """Whoever kept this writes to standard output from now on."""
        self._loading = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Process:
    """The state of the process that an import may change, as it was when this was made."""

    def __init__(self) -> None:
        self._handlers = _handlers()
        self._root = [*logging.root.handlers], logging.root.level, logging.root.manager.disable
        self._structlog = structlog.get_config() if structlog.is_configured() else None
        self._policy = asyncio.get_event_loop_policy()
        self._environment = dict(os.environ)

    def restored(self) -> list[str]:
        """What had changed, in words; all but the environment is as it was again."""
        told = [self._signals(), self._logging(), self._loops(), self._variables()]
        return [one for one in told if one]

    def _signals(self) -> str:
        changed = [number for number, handler in _handlers().items() if handler != self._handlers[number]]
        for number in changed:
            if (before := self._handlers[number]) is not None:  # None: it was not set by Python
                signal.signal(number, before)
        names = ", ".join(getattr(number, "name", str(int(number))) for number in changed)
        return f"set handlers of signals, which were put back: {names}" if names else ""

    def _logging(self) -> str:
        handlers, level, disabled = self._root
        root = logging.root
        mine = structlog.get_config() if structlog.is_configured() else None
        if (root.handlers, root.level, root.manager.disable) == self._root and mine == self._structlog:
            return ""
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)
        structlog.reset_defaults() if self._structlog is None else structlog.configure(**self._structlog)
        return "configured the log of the whole process, which was put back"

    def _loops(self) -> str:
        if asyncio.get_event_loop_policy() is self._policy:
            return ""
        asyncio.set_event_loop_policy(self._policy)
        return "set the policy of event loops, which was put back"

    def _variables(self) -> str:
        now, before = dict(os.environ), self._environment
        names = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        return f"changed environment variables, which stay changed: {', '.join(names)[:200]}" if names else ""


@contextmanager
def watched(found: list[str]) -> Iterator[None]:
    """Load a plugin inside; what it did to the process is put back, and worded in `found`."""
    before, out = Process(), sys.stdout
    aside = Aside(out)
    sys.stdout = cast("TextIO", aside)
    try:
        yield
    finally:
        replaced, sys.stdout = getattr(sys, "stdout", None), out
        aside.end()
        if aside.written:
            found.append(f"printed {aside.written} characters, which went to standard error")
        if replaced is not aside:
            _REPLACED.append(replaced)
            found.append("replaced standard output, which was put back")
        found += before.restored()


def _handlers() -> dict[int, Any]:
    """Who handles each signal; nobody but the main thread can change it."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in signal.valid_signals()}
