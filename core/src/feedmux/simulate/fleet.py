"""The scenario's providers as plugins: with the limits that it names or that the installed plugin declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from feedmux.clock import Clock
from feedmux.endpoint import Endpoint
from feedmux.errors import SettingsError
from feedmux.hooks import hookimpl
from feedmux.limits import Backoff, Limits, Terms
from feedmux.provider import Provider
from feedmux.query import Query
from feedmux.request import Request
from feedmux.simulate import quantity
from feedmux.simulate.dialect import SPOKEN
from feedmux.simulate.remote import Remote
from feedmux.simulate.scenario import Modelled, Scenario, windows_of

HOST = "https://{}.simulated.invalid"
TERMS = Terms(ttl=5.0)


def limits_of(name: str, modelled: Modelled, installed: Mapping[str, Limits]) -> Limits:
    """What the provider declares; raises SettingsError naming the field."""
    declared = installed.get(name)
    if declared is None and (modelled.weight is None or modelled.serves is None):
        raise SettingsError(
            f"providers.{name}: no plugin of that name is installed, so weight and serves are needed"
        )
    changes: dict[str, Any] = {
        field: value
        for field in ("weight", "tier", "slow_after")
        if (value := getattr(modelled, field)) is not None
    }
    if modelled.windows is not None:
        changes["windows"] = windows_of(modelled.windows)
    if modelled.min_interval is not None:
        changes["min_interval"] = quantity.span(modelled.min_interval)
    if modelled.backoff is not None:
        changes["backoff"] = Backoff(tuple(quantity.span(step) for step in modelled.backoff))
    try:
        base = declared or Limits(weight=1)
        return msgspec.structs.replace(base, **changes, pool="", serves=_serves(name, modelled, base))
    except ValueError as error:
        raise SettingsError(f"providers.{name}.{error}") from None


def _serves(name: str, modelled: Modelled, base: Limits) -> dict[type[Query], Terms]:
    """The terms of what it serves, of the questions that can be simulated."""
    for capability in modelled.serves or ():
        if capability not in SPOKEN:
            raise SettingsError(
                f"providers.{name}.serves: {capability!r} cannot be simulated; {', '.join(SPOKEN)} can"
            )
    wanted = [SPOKEN[one].query for one in modelled.serves] if modelled.serves else list(base.serves)
    spoken = {speech.query for speech in SPOKEN.values()}
    return {query: _terms(modelled, base.serves.get(query, TERMS)) for query in wanted if query in spoken}


def _terms(modelled: Modelled, base: Terms) -> Terms:
    changes: dict[str, Any] = {"fan_out": 1}
    if modelled.ttl is not None:
        changes["ttl"] = quantity.span(modelled.ttl)
    if modelled.batch is not None:
        changes["batch"] = modelled.batch
    return msgspec.structs.replace(base, **changes)


def provider_of(name: str, limits: Limits) -> Provider:
    """A plugin that speaks the simulation's language."""
    endpoints = [
        Endpoint(query, SPOKEN[query.capability].ask, SPOKEN[query.capability].read, terms, listed=False)
        for query, terms in limits.serves.items()
    ]
    return Provider(
        hosts=(HOST.format(name.replace("_", "-")),),
        limits=limits,
        endpoints=endpoints,
        health=Request("/health"),
    )


class Wires:
    """The extension that puts a modelled upstream in the place of each provider's network."""

    def __init__(self, remotes: Mapping[str, Remote]) -> None:
        self._remotes = remotes

    @hookimpl
    def feedmux_transport(self, provider: str, clock: Clock) -> Remote | None:
        return self._remotes.get(provider)


def serving(scenario: Scenario, limits: Mapping[str, Limits]) -> Sequence[str]:
    """The capabilities that the load asks for; raises SettingsError for one that nobody here serves."""
    served = {query.capability for one in limits.values() for query in one.serves}
    for capability in scenario.load.asks:
        if capability not in served:
            raise SettingsError(
                f"load.asks.{capability}: no provider here serves it; they serve {', '.join(sorted(served))}"
            )
    return tuple(scenario.load.asks)
