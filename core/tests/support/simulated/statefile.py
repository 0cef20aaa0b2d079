"""A state file whose work is done at once, where virtual time would not wait for a thread."""

from __future__ import annotations

from pathlib import Path

from feedmux.sqlite import Database, SqliteStore
from feedmux.statefile import holders


class AtOnce(SqliteStore):
    """A real file, read and written by whoever asks."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path), holders(path))

    async def _done(self, work, *arguments, **named):
        return work(*arguments, **named)
