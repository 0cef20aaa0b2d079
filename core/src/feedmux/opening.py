"""How an engine is opened: settings, plugins, the sandbox or the world, then the mux."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import structlog

from feedmux import log, settings
from feedmux.clock import Chance, Clock, SystemClock
from feedmux.errors import SettingsError
from feedmux.mux import Mux
from feedmux.registry import Registry
from feedmux.relay import Relay
from feedmux.settings import Sandbox, Settings
from feedmux.sqlite import SqliteStore
from feedmux.statefile import SCHEME, holders, location, opened
from feedmux.store import FleetingStore, Guarded, Store
from feedmux.valkey import client, is_valkey
from feedmux.valkey.relay import ValkeyRelay
from feedmux.valkey.store import opened as opened_there

AUTO_PATIENCE = 3.0
"""Seconds an upstream has to answer at start before `sandbox = auto` holds it to be out of reach."""
_log = structlog.get_logger("feedmux.opening")


@asynccontextmanager
async def open(
    chosen: Settings | Path | str | None = None,
    *,
    plugins: Mapping[str, object] | None = None,
    extensions: Mapping[str, object] | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
    relay: Relay | None = None,
    seed: int | None = None,
) -> AsyncIterator[Mux]:
    """An engine for as long as the block lasts.

    `chosen` is Settings or a TOML file; without it the file named by FEEDMUX_CONFIG or `feedmux.toml` here, where
    there is one. `plugins` and `extensions` (name to plugin) take the place of everything that is installed.
    `clock`, `store`, `relay` and `seed` are for tests and simulations. An engine with plugins, extensions or a clock of
    its own keeps state only where `[store] url` names a file or a server. Raises SettingsError for a configuration that is wrong.
    """
    log.default_to_stderr()
    configured = chosen if isinstance(chosen, Settings) else settings.load(chosen)
    registry = Registry()
    if plugins is None and extensions is None:
        registry.load_installed()
    for name, extension in (extensions or {}).items():
        registry.add_extension(name, extension)
    for name, plugin in (plugins or {}).items():
        registry.add_provider(name, plugin)
    for warning in settings.warnings(configured, sorted(registry.providers)):
        _log.warning(warning)
    usual = clock is None and plugins is None and extensions is None
    clock, chance = clock or SystemClock(), Chance(seed)
    async with _stored(configured, store, usual, clock) as kept:
        configured = await _resolved(configured, registry, clock, kept)
        async with _relayed(configured, relay) as relayed:
            mux = Mux(configured, registry, clock, _store_for(configured, kept), chance, relayed)
            await mux.start()
            try:
                yield mux
            finally:
                await mux.aclose()


@asynccontextmanager
async def _stored(chosen: Settings, store: Store | None, usual: bool, clock: Clock) -> AsyncIterator[Store]:
    """The store for as long as the engine is open."""
    url = chosen.store.url
    kept = url.startswith(SCHEME) and (usual or url != SCHEME) and chosen.engine.sandbox is not Sandbox.ON
    if store is not None:
        yield Guarded(store)
    elif is_valkey(url) and chosen.engine.sandbox is not Sandbox.ON:
        async with opened_there(chosen.store, clock) as shared:
            yield shared
    elif not kept or (database := await asyncio.to_thread(opened, location(url), clock)) is None:
        yield FleetingStore()
    else:
        file = SqliteStore(database, holders(location(url)))
        try:
            yield Guarded(file)
        finally:
            with suppress(sqlite3.Error):
                await file.aclose()


@asynccontextmanager
async def _relayed(chosen: Settings, relay: Relay | None) -> AsyncIterator[Relay | None]:
    """What other processes are told over, where the store is a server that they share; in the sandbox nobody is told."""
    simulated = chosen.engine.sandbox is Sandbox.ON
    if simulated or relay is not None or not is_valkey(chosen.store.url):
        yield None if simulated else relay
        return
    server = client(chosen.store)
    try:
        yield ValkeyRelay(server, chosen.store.namespace)
    finally:
        await server.aclose()


async def _resolved(chosen: Settings, registry: Registry, clock: Clock, store: Store) -> Settings:
    """The settings with `sandbox = auto` decided: live where an upstream answers, else the sandbox."""
    mode = chosen.engine.sandbox
    simulates = registry.transport("", _with_sandbox(chosen, Sandbox.ON), clock)
    if mode is Sandbox.ON and simulates is None:
        raise SettingsError("engine.sandbox: is on, but no sandbox is installed; pip install feedmux-sandbox")
    if mode is not Sandbox.AUTO:
        return chosen
    live = _with_sandbox(chosen, Sandbox.OFF)
    if simulates is None:
        return live
    trial = Mux(live, registry, clock, store, Chance(0))
    await trial.start()
    try:
        reachable = await trial.upstream_answers(AUTO_PATIENCE)
    finally:
        await trial.aclose()
    if not reachable:
        _log.warning("no upstream answers: serving SANDBOX data, marked as such")
    return live if reachable else _with_sandbox(chosen, Sandbox.ON)


def _store_for(chosen: Settings, store: Store) -> Store:
    """The store; in the sandbox one of its own, so that nothing simulated is ever kept."""
    return FleetingStore() if chosen.engine.sandbox is Sandbox.ON else store


def _with_sandbox(chosen: Settings, mode: Sandbox) -> Settings:
    return msgspec.structs.replace(chosen, engine=msgspec.structs.replace(chosen.engine, sandbox=mode))
