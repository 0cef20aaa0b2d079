"""The machine that a holder runs on: who runs there, too, sees at once that it lives no more."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import platformdirs

from feedmux.pulse import Pulse, died
from feedmux.valkey.shares import Holder

LOST = 2.5
"""Seconds after which a holder of this machine that is not heard is looked for."""


class Machine:
    """A directory where each holder that runs here has a lock; None where they keep none.

    `name` is drawn by the first of them, and empty where no lock is kept.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory or Path()
        self._pulse: Pulse | None = None
        self.name = _named(directory) if directory is not None and sys.platform != "win32" else ""

    def enter(self, holder: str) -> None:
        """That holder runs here until `leave`."""
        if self._pulse is None and self.name:
            try:
                self._pulse = Pulse(self._directory, holder)
            except OSError:
                self.name = ""

    def dead(self, holders: Mapping[str, Holder], now: float) -> set[str]:
        """Those of the holders that ran here and surely do no more; `now` is the store's time."""
        if not self.name:
            return set()
        silent = [n for n, one in holders.items() if one.machine == self.name and now - one.seen > LOST]
        return {holder for holder in silent if died(self._directory, holder)}

    def forget(self, gone: Collection[str]) -> None:
        """The traces of holders of whom nothing counts any more are not needed."""
        for holder in gone:
            with suppress(OSError):
                (self._directory / holder).unlink()

    def leave(self, *, ended: bool) -> None:
        """Be dead from now on, without a trace where everything was said."""
        if self._pulse is not None:
            self._pulse.close(forgotten=ended)
            self._pulse = None


def here() -> Machine:
    """This one, as the user sees it who runs us."""
    return Machine(platformdirs.user_state_path("feedmux", False) / "machine.holders")


def _named(directory: Path) -> str:
    """What the first holder drew."""
    file = directory.with_suffix("")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError), file.open("x", encoding="ascii") as new:
            new.write(os.urandom(8).hex())
        return file.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
