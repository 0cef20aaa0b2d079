"""What the options before the command chose: a configuration, a server, a sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from feedmux import blocking, settings
from feedmux.cli.engine import Engine
from feedmux.cli.remote import Remote
from feedmux.cli.source import Source
from feedmux.registry import Registry
from feedmux.settings import Sandbox, Settings

COMMANDS = "feedmux.commands"
SERVER = "feedmux-server"
"""The distribution whose commands are ours as well."""


class Setup(Struct):
    """`ctx.obj` of every command, those of other packages included. None: not chosen.

    `plugins` and `extensions` (name to plugin) and `commands` take the place of what is installed.
    """

    config: Path | None = None
    server: str | None = None
    sandbox: Sandbox | None = None
    plugins: Mapping[str, Any] | None = None
    extensions: Mapping[str, Any] | None = None
    commands: Sequence[EntryPoint] | None = None
    _registry: Registry | None = None

    def settings(self) -> Settings:
        """The configuration with the sandbox as chosen; raises SettingsError."""
        read = settings.load(self.config)
        if self.sandbox is None:
            return read
        return msgspec.structs.replace(
            read, engine=msgspec.structs.replace(read.engine, sandbox=self.sandbox)
        )

    def registry(self) -> Registry:
        """The plugins as they declare themselves, before any engine is opened."""
        if self._registry is None:
            self._registry = Registry()
            if self.plugins is None and self.extensions is None:
                self._registry.load_installed()
            for name, plugin in (self.plugins or {}).items():
                self._registry.add_provider(name, plugin)
        return self._registry

    def brought(self) -> Sequence[EntryPoint]:
        """The commands of other packages, not loaded yet: the server's own first, so that nobody takes their names.

        Where FEEDMUX_PLUGINS lists what may be loaded, that and the server's are all.
        """
        if self.commands is not None:
            return self.commands
        found = sorted(entry_points(group=COMMANDS), key=lambda entry: not _is_of_server(entry))
        listed = os.environ.get("FEEDMUX_PLUGINS")
        if listed is None:
            return tuple(found)
        names = {name.strip() for name in listed.split(",")}
        return tuple(entry for entry in found if _is_of_server(entry) or entry.name in names)

    @contextmanager
    def source(self) -> Iterator[Source]:
        """The server named, else the running server of the configuration, else an engine for this command.

        Whoever chooses a sandbox or plugins chooses an engine of their own.
        """
        chosen = self.settings()
        if self.server is not None:
            yield Remote(self.server, chosen.engine.deadline)
            return
        own = self.sandbox is not None or self.plugins is not None or self.extensions is not None
        remote = None if own else Remote.running(chosen.server, chosen.engine.deadline)
        if remote is not None:
            yield remote
            return
        with blocking.open(chosen, plugins=self.plugins, extensions=self.extensions) as mux:
            yield Engine(mux)


def _is_of_server(entry: EntryPoint) -> bool:
    """Whether a command comes with the distribution that serves."""
    return entry.dist is not None and entry.dist.name.lower().replace("_", "-") == SERVER
