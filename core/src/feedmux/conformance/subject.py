"""What is checked: a provider as it is installed, and the cases that show how its upstream answers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from functools import cached_property
from importlib import import_module, metadata, resources
from pathlib import Path
from typing import Any, TypeVar

from feedmux import virtual
from feedmux.conformance.case import LISTING, Case, named, packaged
from feedmux.errors import InvalidQuery, SettingsError, described
from feedmux.limits import Terms
from feedmux.provider import Upstream
from feedmux.query import Query
from feedmux.registry import EXTENSIONS, PROVIDERS, Loaded, Registry

BODIES = 1000
PATIENCE, LOADING = 5.0, 120.0
T = TypeVar("T")


class Subject:
    """A provider under its name. `package` is the directory of its code, None where it has none of its own.

    `bodies` is how many times each case's body is broken.
    """

    def __init__(
        self,
        name: str,
        plugin: object,
        cases: Iterable[Case] = (),
        package: Path | None = None,
        bodies: int = BODIES,
    ) -> None:
        self.name = name
        self.plugin = plugin
        self.cases = tuple(named(cases).values())
        self.package = package
        self.bodies = bodies

    @cached_property
    def registry(self) -> Registry:
        """A registry with this provider alone; empty where it was set aside."""
        registry = Registry()
        registry.add_provider(self.name, self.plugin)
        return registry

    @property
    def loaded(self) -> Loaded | None:
        """The provider as it declares itself; None where it was set aside."""
        return self.registry.providers.get(self.name)

    @property
    def without_http(self) -> bool:
        """It declares no host: a model, a table, a socket of its own. No body comes that could be broken."""
        return self.loaded is not None and not self.hosts("")

    @property
    def takes_key(self) -> bool:
        """A key of the operator's travels with its requests, under one plan at least."""
        if self.loaded is None:
            return False
        upstream = self.loaded.upstream
        return upstream.key is not None or any(plan.key is not None for plan in upstream.plans.values())

    def run(self, trial: Coroutine[Any, Any, T]) -> T:
        """Run a trial in virtual time; in real time without HTTP, where the work may be done in threads."""
        return asyncio.run(trial) if self.without_http else virtual.run(trial)

    @property
    def patience(self) -> float:
        """Seconds that one question may take: of real time more, since a model may have to be loaded first."""
        return LOADING if self.without_http else PATIENCE

    @property
    def members(self) -> tuple[str, ...]:
        """The names of its members; one that is empty where it declares none."""
        declared = self.loaded.upstream.members if self.loaded else ()
        return tuple(member.name for member in declared) or ("",)

    def hosts(self, member: str) -> tuple[str, ...]:
        """Every address that requests of a member may go to."""
        if self.loaded is None:
            return ()
        upstream = self.loaded.upstream
        hosts = [host for plan in upstream.plans.values() for host in plan.hosts or ()]
        hosts += [host for one in upstream.members if member in ("", one.name) for host in one.hosts]
        return tuple(host.rstrip("/") for host in (*upstream.hosts, *hosts))

    def upstream(self, member: str) -> Upstream:
        """How a member of it speaks; nothing where it was set aside."""
        return self.loaded.upstream.of(member) if self.loaded else Upstream()

    def serves(self, member: str) -> Mapping[type[Query], Terms]:
        """What a member of it serves, and on what terms."""
        if self.loaded is None:
            return {}
        own = next((one for one in self.loaded.upstream.members if one.name == member), None)
        if own is not None and own.endpoints:
            return {endpoint.query: endpoint.terms for endpoint in own.endpoints}
        return (own.limits.serves if own and own.limits else {}) or self.loaded.limits.serves

    def questions(self) -> list[tuple[Case, Query]]:
        """The cases that answer a question that it serves, and the question.

        Raises SettingsError naming a case whose parameters make none.
        """
        serves = {kind.capability: kind for kind in self.loaded.limits.serves} if self.loaded else {}
        return [
            (case, _question(serves[case.capability], case))
            for case in self.cases
            if case.capability in serves
        ]

    def listing(self, member: str) -> Case | None:
        """The listing that questions to a member are asked with."""
        for case in self.cases:
            if case.capability == LISTING and case.succeeds and case.member in ("", member):
                return case
        return None


def _question(kind: type[Query], case: Case) -> Query:
    try:
        return kind.from_strings(case.parameters)
    except InvalidQuery as error:
        raise SettingsError(f"case {case.name} asks no question: {error.detail}") from None


def installed(name: str, more: Iterable[Case] = (), bodies: int = BODIES) -> Subject:
    """The provider of that name, its packaged cases and more; one that is not installed is imported as feedmux_NAME.

    Its cases lie in the package's `cases`, of a package with several providers in `cases/NAME`. Raises
    SettingsError where there is none, or where it cannot be read.
    """
    entries = metadata.entry_points(group=PROVIDERS, name=name)
    if not entries and metadata.entry_points(group=EXTENSIONS, name=name):
        raise SettingsError(
            f"{name} is an extension, no provider: it answers no question that could be checked"
        )
    value = next((entry.value for entry in entries), f"feedmux_{name}:provider")
    module, _, attribute = value.partition(":")
    top = module.partition(".")[0]
    try:
        plugin = import_module(module)
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
        cases = resources.files(top).joinpath("cases")
        own = cases.joinpath(name)
        packed = packaged(own if own.is_dir() else cases)
        subject = Subject(name, plugin, [*packed, *more], _directory(top), bodies)
        subject.questions()
        return subject
    except SettingsError:
        raise
    except ModuleNotFoundError as error:
        if error.name != top:
            raise SettingsError(f"{name}: import failed: {described(error)}") from error
        raise SettingsError(f"no provider named {name[:40]!a} is installed") from None
    except Exception as error:
        raise SettingsError(f"{name}: {described(error)}") from error


def _directory(package: str) -> Path | None:
    file = import_module(package).__file__
    return Path(file).parent if file else None
