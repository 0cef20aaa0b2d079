"""Where the state file lies, and what becomes of one that cannot be used: it is put aside, never overwritten."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import platformdirs
import structlog

from feedmux.clock import Clock
from feedmux.sqlite import Database, Unfit

NAME = "state.db"
BESIDE = ("", "-wal", "-shm")
"""What SQLite adds to the file's name for what belongs to it."""
SCHEME = "sqlite:"
_log = structlog.get_logger("feedmux.statefile")


def location(url: str) -> Path:
    """The file that `sqlite:` or `sqlite:/path/file` names; the first lies in the user's state directory."""
    named = url.removeprefix(SCHEME)
    return Path(named).expanduser() if named else platformdirs.user_state_path("feedmux", False) / NAME


def holders(path: Path) -> Path:
    """The directory where those who share that file show that they live."""
    return path.with_name(path.name + ".holders")


def opened(path: Path, clock: Clock) -> Database | None:
    """The state file, made where there is none; None, and the log says why, where no file can be used there."""
    try:
        try:
            return _usable(path)
        except Unfit as unfit:
            aside = _put_aside(path, str(unfit), clock)
            _log.warning(
                f"the state file is {unfit}: put aside, a new one begun", file=str(path), aside=str(aside)
            )
            return _usable(path)
    except (OSError, sqlite3.Error, Unfit) as error:
        _log.warning("no state file: nothing outlives this process", file=str(path), reason=str(error))
        return None


def _usable(path: Path) -> Database:
    """The file; a place that can be read but not written to is as good as none."""
    if path.exists() and not os.access(path, os.W_OK):
        raise Unfit("read-only")
    return Database(path)


def _put_aside(path: Path, why: str, clock: Clock) -> Path:
    """Rename the file and what belongs to it, after why and when."""
    aside = f"{path.name}.{why}-{clock.now():%Y%m%dT%H%M%S%f}"
    for suffix in BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(path.with_name(aside + suffix))
    return path.with_name(aside)
