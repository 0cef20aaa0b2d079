"""Who of those on this machine that share a store is alive: each holds a lock that the system takes from it when it dies.

A lock says it whatever the clocks and however long a process is stopped; the file's time says when its holder was
last seen, which bounds when it can have sent anything.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from feedmux.leases import LATE, Beat

if sys.platform != "win32":
    import fcntl


class Pulse:
    """One holder's lock, in a directory of the store's. Raises OSError where it cannot be kept."""

    def __init__(self, directory: Path, holder: str) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._own = directory / holder
        self._file = os.open(self._own, os.O_RDWR | os.O_CREAT, 0o600)
        if sys.platform != "win32":
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def beat(self, wall: float) -> None:
        """Be seen now."""
        os.utime(self._own, (wall, wall))

    def beats(self, wall: float) -> dict[str, Beat]:
        """Every holder that has left a trace."""
        found: dict[str, Beat] = {}
        for path in self._directory.iterdir():
            try:
                seen = path.stat().st_mtime
                found[path.name] = Beat(path == self._own or _held(path, wall - seen), seen)
            except FileNotFoundError:
                continue
        return found

    def forget(self, holder: str) -> None:
        """A dead holder's trace is not needed any more."""
        (self._directory / holder).unlink(missing_ok=True)

    def close(self, *, forgotten: bool) -> None:
        """Be dead from now on, without a trace where everything was said."""
        if forgotten:
            self._own.unlink(missing_ok=True)
        os.close(self._file)


def died(directory: Path, holder: str) -> bool:
    """Whether a holder left a trace there and surely lives no more; never True where the system has no such lock."""
    try:
        return not _held(directory / holder, 0.0)
    except OSError:
        return False


def _held(path: Path, unseen: float) -> bool:
    """Whether somebody has the lock; where the system has none, whether its holder was seen lately."""
    if sys.platform == "win32":
        return unseen < LATE
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
