"""What stands on disk of the plugins that are loaded: whether it is still what was loaded."""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from importlib import metadata

from msgspec import Struct

LOOKS_EVERY = 60.0
"""Seconds for which what was seen on disk is taken for granted."""


class Seen(Struct, frozen=True):
    """A distribution on disk. `version` is empty where it is not installed."""

    version: str
    record: bytes = b""
    changed: int = 0


class Installed:
    """The distributions of loaded plugins, as they were when they were loaded."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], Seen] = {}
        self._found: dict[tuple[str, str], str] = {}
        self._looked_at: float | None = None

    def remember(self, distribution: str, module: str) -> None:
        """This is being loaded now."""
        if distribution:
            self._loaded[distribution, module] = _seen(distribution, module)

    def changes(self, now: float) -> dict[str, str]:
        """Distributions that are not what was loaded, with what became of them; at most a minute old, by `now`."""
        if self._looked_at is None or now - self._looked_at >= LOOKS_EVERY:
            self._looked_at = now
            self._found = {key: _change(self._loaded[key], _seen(*key)) for key in self._loaded}
        return {distribution: told for (distribution, _), told in self._found.items() if told}


def _seen(distribution: str, module: str) -> Seen:
    try:
        found = metadata.distribution(distribution)
        record = found.read_text("RECORD") or ""
        version = found.version
    except (metadata.PackageNotFoundError, OSError, ValueError, KeyError):
        return Seen("")
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        changed = os.stat(file).st_mtime_ns if file else 0
    except OSError:
        changed = -1
    return Seen(version, blake2b(record.encode(), digest_size=16).digest(), changed)


def _change(loaded: Seen, seen: Seen) -> str:
    if seen == loaded:
        return ""
    if not seen.version:
        return "uninstalled since the start: it goes on until the restart"
    if seen.version != loaded.version:
        return f"changed on disk, now {seen.version[:40]}: restart to load it"
    return "changed on disk: restart to load it"
