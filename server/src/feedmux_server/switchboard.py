"""`/v1/admin`: what an operator may do to the running server, each route behind the admin token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, ClassVar

from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import Scope
from msgspec import Meta, Struct

from feedmux import FeedmuxError, InvalidQuery
from feedmux.status import ProviderStatus
from feedmux_server import parameters
from feedmux_server.admin import admin
from feedmux_server.control import Control, Reloaded
from feedmux_server.operation import Operation, route

PREFIX = "/v1/admin"


class UnknownProvider(FeedmuxError):
    """No provider of that name is installed."""

    status: ClassVar[int] = 404
    slug: ClassVar[str] = "unknown-provider"
    title: ClassVar[str] = "No such provider is installed"


class StillRefused(FeedmuxError):
    """The upstream itself asked to be left alone, and that has not ended."""

    status: ClassVar[int] = 409
    slug: ClassVar[str] = "still-refused"
    title: ClassVar[str] = "The provider asked to be left alone"


class Cleared(Struct, frozen=True):
    """How many answers were forgotten."""

    cleared: int


class Named(Struct, frozen=True):
    """Which provider."""

    name: Annotated[str, Meta(description="the provider's name")]


class Reset(Struct, frozen=True):
    """Whether a refusal that the upstream demanded is ended as well."""

    force: Annotated[bool, Meta(description="also where the provider itself asked to be left alone")] = False


async def clear(state: State) -> Cleared:
    """Forget every answer."""
    return Cleared(_control(state).mux.clear_cache())


async def reload(state: State) -> Reloaded:
    """Read the settings anew."""
    return await _control(state).reload()


async def disable(state: State, name: FromPath[str]) -> ProviderStatus:
    """Ask a provider no more."""
    control = _control(state)
    with _installed():
        await control.mux.disable(name)
    return _status(control, name)


async def enable(state: State, name: FromPath[str]) -> ProviderStatus:
    """Ask a provider again."""
    control = _control(state)
    with _installed():
        await control.mux.enable(name)
    return _status(control, name)


async def reset(state: State, scope: Scope, name: FromPath[str]) -> ProviderStatus:
    """Open a provider that is closed."""
    control, given = _control(state), parameters.given(scope["query_string"])
    parameters.refuse_unknown(given, Reset.__struct_fields__)
    force = parameters.decoded(Reset, given).force
    with _installed():
        stand = control.mux.reset(name, force=force)
    if stand:
        raise StillRefused(f"{', '.join(stand)} still asks to be left alone; force=true asks it all the same")
    return _status(control, name)


def routes() -> list[HTTPRouteHandler]:
    """Every admin route."""
    provider = f"{PREFIX}/providers/{{name:str}}"
    named = parameters.described(Named, "{name}")
    forced = (*named, *parameters.described(Reset))
    return [
        route(f"{PREFIX}/cache/clear", _post("Forget every answer", Cleared), clear, guards=[admin]),
        route(f"{PREFIX}/reload", _post("Read the settings anew", Reloaded, 422), reload, guards=[admin]),
        route(
            f"{provider}/disable",
            _post("Ask a provider no more, until it is enabled or the server restarts", _S, 404, given=named),
            disable,
            guards=[admin],
        ),
        route(
            f"{provider}/enable",
            _post("Ask a provider again that was disabled", _S, 404, given=named),
            enable,
            guards=[admin],
        ),
        route(
            f"{provider}/reset",
            _post("Open a provider's members that are closed", _S, 404, 409, given=forced),
            reset,
            guards=[admin],
        ),
    ]


_S = ProviderStatus


def _post(summary: str, gives: type, *errors: int, given: tuple[parameters.Parameter, ...] = ()) -> Operation:
    return Operation(
        tag="administration",
        summary=summary,
        method="POST",
        gives=gives,
        parameters=given,
        errors=(401, *errors),
    )


@contextmanager
def _installed() -> Iterator[None]:
    """What the engine calls a wrong question is here a path to nobody."""
    try:
        yield
    except InvalidQuery as error:
        raise UnknownProvider(error.detail) from None


def _control(state: State) -> Control:
    control: Control = state.control
    return control


def _status(control: Control, name: str) -> ProviderStatus:
    return next(one for one in control.mux.providers() if one.name == name)
