"""A scenario: who asks how much, which providers there are and how their upstreams behave, what goes wrong and when."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from feedmux.errors import SettingsError
from feedmux.limits import Tier, Window
from feedmux.simulate import quantity

Span: TypeAlias = float | str
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Positive: TypeAlias = Annotated[float, Meta(gt=0)]
Kind: TypeAlias = Literal[
    "outage", "unreachable", "hangs", "errors", "slow", "refuses", "garbage", "lies", "restart", "load"
]
LASTING = frozenset(
    {"outage", "unreachable", "hangs", "errors", "slow", "refuses", "garbage", "lies", "load"}
)
VALUED = {
    "errors": "the share that fails",
    "slow": "how many times as long",
    "lies": "by how much prices are multiplied",
    "load": "how many times as many questions",
}


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds that a request takes: half of them less than `median`, one in a hundred more than `p99`; log-normal."""

    median: Positive = 0.08
    p99: Positive = 0.4


class Upstream(Struct, frozen=True, forbid_unknown_fields=True):
    """What the upstream really does. `windows` None: those that its provider declares.

    `counts` says how it counts them: in fixed windows that begin when it likes, or sliding. `retry_after` is what a
    refusal asks for (seconds; None: it names no time). `ban_after` refusals within a minute it bans for `ban`.
    """

    latency: Latency = Latency()
    errors: Share = 0.0
    windows: tuple[str, ...] | None = None
    counts: Literal["fixed", "sliding"] = "fixed"
    retry_after: Span | None = "60s"
    ban_after: int | None = None
    ban: Span = "1h"


class Modelled(Struct, frozen=True, forbid_unknown_fields=True):
    """A provider. What is None is as the installed plugin of that name declares it."""

    weight: Positive | None = None
    tier: Tier | None = None
    windows: tuple[str, ...] | None = None
    min_interval: Span | None = None
    slow_after: Positive | None = None
    backoff: tuple[Span, ...] | None = None
    serves: tuple[str, ...] | None = None
    ttl: Span | None = None
    batch: Annotated[int, Meta(ge=1)] | None = None
    upstream: Upstream = Upstream()


class Load(Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks. Questions come at random times, `rate` a second on average.

    `asks` maps a capability to its share; `symbols` so many, the first asked for most (Zipf's law), `each` of them in
    a question. `deadline` is each caller's.
    """

    rate: Positive
    symbols: Annotated[int, Meta(ge=1, le=10_000)] = 50
    each: Annotated[int, Meta(ge=1, le=250)] = 1
    asks: Mapping[str, Positive] = field(default_factory=lambda: {"quotes": 1.0})
    deadline: Positive = 5.0


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong from `at` on, for so long. `provider` is whose upstream, `value` how much, by kind."""

    kind: Kind
    at: Span
    lasts: Span = 0.0
    provider: str = ""
    value: Annotated[float, Meta(gt=0)] = 1.0

    @property
    def begins(self) -> float:
        """Seconds from the start."""
        return quantity.span(self.at)

    @property
    def ends(self) -> float:
        """Seconds from the start."""
        return self.begins + quantity.span(self.lasts)

    def under_way(self, now: float) -> bool:
        """Whether it holds at that time."""
        return self.begins <= now < self.ends


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario file. `beside`: also run as a client would that asks the providers in this order and counts nothing."""

    name: str
    lasts: Span
    load: Load
    providers: Mapping[str, Modelled]
    about: str = ""
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return quantity.span(self.lasts)


def read(file: Path) -> Scenario:
    """The scenario in a TOML file; raises SettingsError naming the file and the field."""
    try:
        return scenario_from(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is no TOML: {error}") from None
    except SettingsError as error:
        raise SettingsError(f"{file}: {error.detail}") from None


def scenario_from(document: Mapping[str, Any]) -> Scenario:
    """The scenario of a decoded file; raises SettingsError naming the field."""
    try:
        scenario = msgspec.convert(document, Scenario)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        raise SettingsError(f"{path.rstrip('`') or 'scenario'}: {text[:1].lower()}{text[1:]}") from None
    _check(scenario)
    return scenario


def _check(scenario: Scenario) -> None:
    _span("lasts", scenario.lasts)
    if scenario.seconds <= 0:
        raise SettingsError("lasts: longer than nothing")
    if not scenario.providers:
        raise SettingsError("providers: at least one")
    for name, modelled in scenario.providers.items():
        _check_provider(f"providers.{name}", modelled)
    for place, fault in enumerate(scenario.faults, start=1):
        _check_fault(f"faults[{place}]", fault, scenario)
    for name in scenario.beside:
        _known("beside", name, scenario)


def _check_provider(at: str, modelled: Modelled) -> None:
    for name in ("min_interval", "ttl"):
        _span(f"{at}.{name}", getattr(modelled, name) or 0.0)
    for step in modelled.backoff or ():
        _span(f"{at}.backoff", step)
    for where, texts in (
        (f"{at}.windows", modelled.windows),
        (f"{at}.upstream.windows", modelled.upstream.windows),
    ):
        for text in texts or ():
            try:
                quantity.window(text)
            except ValueError as error:
                raise SettingsError(f"{where}: {error}") from None
    _span(f"{at}.upstream.retry_after", modelled.upstream.retry_after or 0.0)
    _span(f"{at}.upstream.ban", modelled.upstream.ban)


def _check_fault(at: str, fault: Fault, scenario: Scenario) -> None:
    _span(f"{at}.at", fault.at)
    _span(f"{at}.lasts", fault.lasts)
    if fault.kind in LASTING and fault.ends <= fault.begins:
        raise SettingsError(f"{at}.lasts: {fault.kind} lasts longer than nothing")
    if fault.kind in ("restart", "load"):
        if fault.provider:
            raise SettingsError(f"{at}.provider: {fault.kind} is no provider's")
    else:
        _known(f"{at}.provider", fault.provider, scenario)


def _known(at: str, name: str, scenario: Scenario) -> None:
    if name not in scenario.providers:
        raise SettingsError(
            f"{at}: no provider {name!r} in this scenario; there are {', '.join(scenario.providers)}"
        )


def _span(at: str, text: Span) -> None:
    try:
        quantity.span(text)
    except ValueError as error:
        raise SettingsError(f"{at}: {error}") from None


def windows_of(texts: tuple[str, ...]) -> tuple[Window, ...]:
    """The windows that a scenario spells."""
    return tuple(quantity.window(text) for text in texts)
