"""Finds plugins through their entry points, one by one; a broken one is set aside with the reason."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pluggy
import structlog
from msgspec import Struct

from feedmux.endpoint import Plan
from feedmux.errors import SettingsError, described
from feedmux.hooks import PROJECT, ExtensionHooks, ProviderHooks
from feedmux.installed import Installed
from feedmux.limits import Limits
from feedmux.patience import PATIENCE, Patience, bounded
from feedmux.provider import API, Upstream
from feedmux.query import BUILT_IN, Query
from feedmux.settings import nearest
from feedmux.trespass import watched

if TYPE_CHECKING:
    from feedmux.clock import Clock
    from feedmux.settings import Settings
    from feedmux.transport import Transport

PROVIDERS, EXTENSIONS = "feedmux.providers", "feedmux.extensions"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_log = structlog.get_logger("feedmux.registry")


class Quarantined(Struct, frozen=True):
    """A plugin that was set aside, and why."""

    name: str
    distribution: str
    version: str
    reason: str


class Loaded(Struct, frozen=True):
    """A provider as it declared itself."""

    name: str
    distribution: str
    version: str
    limits: Limits
    upstream: Upstream


class Calls:
    """One provider's hooks, each a call that extensions may wrap."""

    def __init__(self, manager: pluggy.PluginManager, plugin: object, others: Iterable[object]) -> None:
        aside = list(others)
        self.limits = manager.subset_hook_caller("feedmux_limits", aside)
        self.upstream = manager.subset_hook_caller("feedmux_upstream", aside)
        self.listing = manager.subset_hook_caller("feedmux_listing", aside)
        self.request = manager.subset_hook_caller("feedmux_request", aside)
        self.fetch = manager.subset_hook_caller("feedmux_fetch", aside)
        self.health = manager.subset_hook_caller("feedmux_health", aside)
        self.stream = manager.subset_hook_caller("feedmux_stream", aside)
        self.implements = {caller.name for caller in manager.get_hookcallers(plugin) or ()}


class Registry:
    """The plugins of one engine."""

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self._patience = patience
        self._installed = Installed()
        self._trespasses: dict[str, list[str]] = {}
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(ProviderHooks)
        self._manager.add_hookspecs(ExtensionHooks)
        self._plugins: dict[str, object] = {}
        self._calls: dict[str, Calls] = {}
        self.providers: dict[str, Loaded] = {}
        self.extensions: dict[str, tuple[str, str]] = {}
        self.quarantined: list[Quarantined] = []
        self.queries: dict[str, type[Query]] = {query.capability: query for query in BUILT_IN}

    def load_installed(self, allowed: frozenset[str] | None = None) -> None:
        """Load every installed plugin, or just the allowed ones (FEEDMUX_PLUGINS says which by default)."""
        if allowed is None and (listed := os.environ.get("FEEDMUX_PLUGINS")) is not None:
            allowed = frozenset(filter(None, (name.strip() for name in listed.split(","))))
            _warn_of_strangers(allowed)
        for entry in metadata.entry_points(group=EXTENSIONS):
            if allowed is None or entry.name in allowed:
                self._load(entry, self.add_extension)
        for entry in metadata.entry_points(group=PROVIDERS):
            if allowed is None or entry.name in allowed:
                self._load(entry, self.add_provider)

    def _load(self, entry: metadata.EntryPoint, add: Any) -> None:
        """Load one plugin, within bounds and under watch."""
        found: list[str] = []
        distribution, version = _origin(entry)
        try:
            with bounded(entry.name, self._patience), watched(found):
                plugin = entry.load()
                add(entry.name, plugin, distribution, version)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - an import may raise anything, SystemExit included
            self._set_aside(entry.name, distribution, version, f"import failed: {described(error)}")
        self._installed.remember(distribution, entry.module)
        for one in found:
            _log.warning("loading a plugin changed the process", plugin=entry.name, what=one)
            self._trespasses.setdefault(distribution, []).append(one)

    def add_extension(self, name: str, plugin: object, distribution: str = "", version: str = "") -> None:
        """Register an extension; set aside where it is broken."""
        if self._is_taken(name, plugin, distribution, version):
            return
        try:
            self._register(f"extension {name}", plugin)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the plugin boundary
            self._set_aside(name, distribution, version, described(error))
            return
        self.extensions[name] = (distribution, version)

    def add_provider(self, name: str, plugin: object, distribution: str = "", version: str = "") -> None:
        """Register a provider and take its declaration; set aside where it is broken or its name is taken."""
        if name in self.providers:
            first = self.providers[name].distribution or "another plugin"
            self._set_aside(name, distribution, version, f"the name is taken by {first}")
            return
        if self._is_taken(name, plugin, distribution, version):
            return
        try:
            if not _NAME.fullmatch(name):
                raise ValueError("a provider's name is lower-case letters, digits and _")
            self._register(name, plugin)
            self._plugins[name] = plugin
            loaded = self._declared(name, distribution, version)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the plugin boundary
            self._plugins.pop(name, None)
            self._calls.pop(name, None)
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            self._set_aside(name, distribution, version, described(error))
            return
        self.providers[name] = loaded
        self.queries |= {query.capability: query for query in loaded.limits.serves}

    def _is_taken(self, name: str, plugin: object, distribution: str, version: str) -> bool:
        """Whether this very object is registered already: the second name is set aside, the first goes on."""
        taken = self._manager.get_name(plugin)
        if taken is not None:
            self._set_aside(name, distribution, version, f"the same plugin is registered already, as {taken}")
        return taken is not None

    def _register(self, name: str, plugin: object) -> None:
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except BaseException:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise
        finally:
            self._calls.clear()

    def _declared(self, name: str, distribution: str, version: str) -> Loaded:
        calls = self.calls(name)
        for required in ("feedmux_limits", "feedmux_fetch"):
            if required not in calls.implements:
                raise TypeError(f"it does not implement {required}")
        for caller in self._manager.get_hookcallers(self._plugins[name]) or ():
            for implementation in caller.get_hookimpls():
                if implementation.plugin is self._plugins[name] and (
                    implementation.wrapper or implementation.hookwrapper
                ):
                    raise TypeError(f"{caller.name}: wrappers come only from extensions")
        limits, upstream = calls.limits(), calls.upstream() or Upstream()
        if not isinstance(limits, Limits) or not limits.serves:
            raise TypeError("feedmux_limits gives Limits that serve at least one question")
        if upstream.api > API:
            raise TypeError(
                f"it was written for interface {upstream.api}; this Feedmux has {API}: upgrade feedmux"
            )
        _check_upstream(upstream, limits)
        for query in limits.serves:
            if self.queries.get(query.capability, query) is not query:
                raise TypeError(
                    f"its {query.__name__} takes the capability {query.capability!r} of another class"
                )
        return Loaded(name, distribution, version, limits, upstream)

    def calls(self, name: str) -> Calls:
        """A provider's hooks; the same object until a plugin is registered or set aside."""
        if name not in self._calls:
            others = [plugin for other, plugin in self._plugins.items() if other != name]
            self._calls[name] = Calls(self._manager, self._plugins[name], others)
        return self._calls[name]

    @property
    def observes(self) -> bool:
        """Whether any extension wants events."""
        return bool(self._manager.hook.feedmux_event.get_hookimpls())

    def observers(self) -> list[tuple[str, Any]]:
        """Each extension that wants events, and a hook that tells only it: none can silence another."""
        hook = self._manager.hook.feedmux_event
        plugins = [(one.plugin_name, one.plugin) for one in hook.get_hookimpls()]
        return [
            (
                name,
                self._manager.subset_hook_caller(
                    "feedmux_event", [other for _, other in plugins if other is not plugin]
                ),
            )
            for name, plugin in plugins
        ]

    def transport(self, provider: str, settings: Settings, clock: Clock) -> Transport | None:
        """What an extension puts in the network's place; raises SettingsError where one fails, rather than go live."""
        try:
            chosen: Transport | None = self._manager.hook.feedmux_transport(
                provider=provider, settings=settings, clock=clock
            )
        except Exception as error:
            raise SettingsError(f"an extension's feedmux_transport failed: {described(error)}") from error
        if chosen is not None and not all(hasattr(chosen, name) for name in ("send", "aclose", "simulated")):
            raise SettingsError(
                f"an extension's feedmux_transport gave no transport: {type(chosen).__name__}"
            )
        return chosen

    @property
    def hook(self) -> Any:
        """The hooks of all plugins: for extensions' hooks."""
        return self._manager.hook

    def _set_aside(self, name: str, distribution: str, version: str, reason: str) -> None:
        self.quarantined.append(Quarantined(name, distribution, version, reason))
        _log.warning(
            "plugin set aside", plugin=name, distribution=distribution, version=version, reason=reason
        )

    def notes(self, now: float) -> Mapping[str, tuple[str, ...]]:
        """What an operator should know of a distribution, `now` in monotonic seconds: what it did, what became of it."""
        changes = self._installed.changes(now)
        names = dict.fromkeys((*changes, *self._trespasses))
        return {
            name: (*filter(None, (changes.get(name),)), *self._trespasses.get(name, ())) for name in names
        }

    def serving(self) -> Mapping[str, list[str]]:
        """Capability to the names of the providers that serve it."""
        table: dict[str, list[str]] = {capability: [] for capability in self.queries}
        for loaded in self.providers.values():
            for query in loaded.limits.serves:
                table[query.capability].append(loaded.name)
        return table


def _warn_of_strangers(allowed: frozenset[str]) -> None:
    """A name that is listed and not installed loads nothing, and says so with the one that was probably meant."""
    installed = sorted(
        {e.name for group in (EXTENSIONS, PROVIDERS) for e in metadata.entry_points(group=group)}
    )
    for name in sorted(allowed.difference(installed)):
        _log.warning(f"FEEDMUX_PLUGINS: no plugin {name[:60]!a} is installed{nearest(name, installed)}")


def _origin(entry: metadata.EntryPoint) -> tuple[str, str]:
    return (entry.dist.name, entry.dist.version) if entry.dist else ("", "")


def _check_upstream(upstream: Upstream, limits: Limits) -> None:
    """Raise ValueError, naming it, for a plan or a member that cannot be."""
    for name, plan in upstream.plans.items():
        try:
            plan.limited(limits)
        except ValueError as error:
            raise ValueError(f"plans[{name}].{error}") from None
    names = [member.name for member in upstream.members]
    for member in upstream.members:
        if not (math.isfinite(member.weight) and member.weight > 0):
            raise ValueError(f"members[{member.name}].weight: a positive number, got {member.weight!r}")
        if names.count(member.name) > 1:
            raise ValueError(f"members: {member.name} is named more than once")
        for plan in (Plan(), *upstream.plans.values()):
            try:
                member.limited(limits, plan)
            except ValueError as error:
                raise ValueError(f"members[{member.name}].{error}") from None
