"""Changes to the running server: its settings read anew, providers switched, answers forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog
from msgspec import Struct

from feedmux import FeedmuxError, Mux, Settings, SettingsError
from feedmux.settings import ServerSettings

AT_ONCE = ("admin_token",)
"""What of `[server]` a reload changes; the rest was built in when the server began."""
_log = structlog.get_logger("feedmux.admin")


class NotReloaded(FeedmuxError):
    """The settings that were read do not fit: those before them go on."""

    status, slug, title = 422, "settings", "The configuration is not valid; nothing has changed"


class Reloaded(Struct, frozen=True):
    """`restart` names the settings that changed and that only a restart makes hold; `switched` says which providers
    are enabled or disabled by hand, whatever the settings say.
    """

    restart: list[str]
    switched: dict[str, bool]


class Control:
    """What an operator may do. `read` gives the settings as they are written now; raises SettingsError."""

    def __init__(self, mux: Mux, began_with: ServerSettings, read: Callable[[], Settings]) -> None:
        self.mux = mux
        self._began_with = began_with
        self._read = read
        self._under_way: set[asyncio.Task[Reloaded]] = set()

    async def reload(self) -> Reloaded:
        """Read the settings anew and let them hold; raises NotReloaded, and then nothing has changed."""
        try:
            wanted = self._read()
            late = await self.mux.reload(wanted)
        except SettingsError as error:
            _log.error("not reloaded", reason=error.detail)
            raise NotReloaded(error.detail) from None
        late = [*self._built_in(wanted.server), *late]
        _log.info("reloaded", restart=late, switched=dict(self.mux.switched))
        return Reloaded(late, dict(self.mux.switched))

    def begin_reload(self) -> None:
        """`reload` where nobody waits for the answer, which the log has."""
        task = asyncio.get_running_loop().create_task(self.reload())
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Reloaded]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, NotReloaded):
            _log.error("a reload failed", exc_info=error)

    def _built_in(self, wanted: ServerSettings) -> list[str]:
        names = [field.name for field in msgspec.structs.fields(ServerSettings) if field.name not in AT_ONCE]
        return [
            f"server.{name}" for name in names if getattr(wanted, name) != getattr(self._began_with, name)
        ]
