"""The hooks: all that a plugin and the engine can say to each other.

A hook returns an awaitable where it does I/O; the engine awaits it. Hooks never sleep, retry, cache or fall back:
that is the engine's part. Implementations may leave out arguments they do not need.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from feedmux.clock import Clock
    from feedmux.event import Event
    from feedmux.http import Http
    from feedmux.items import Item
    from feedmux.limits import Limits
    from feedmux.listener import Listener
    from feedmux.listing import Listing
    from feedmux.provider import Upstream
    from feedmux.query import Query
    from feedmux.request import Asked, Request
    from feedmux.settings import Settings
    from feedmux.transport import Transport

PROJECT = "feedmux"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class ProviderHooks:
    """What a provider answers. Only `feedmux_limits` and `feedmux_fetch` are required."""

    @hookspec(firstresult=True)
    def feedmux_limits(self) -> Limits:  # type: ignore[empty-body]
        """Weight, windows, backoff and the questions served. Asked once, at start."""

    @hookspec(firstresult=True)
    def feedmux_upstream(self) -> Upstream | None:
        """Hosts, members, keys, plans, failure dictionary. Asked once; None for a provider without HTTP."""

    @hookspec(firstresult=True)
    def feedmux_listing(self, http: Http) -> Awaitable[Listing | None] | None:
        """What the provider calls each symbol, where its ids differ from symbols. Kept for a day."""

    @hookspec(firstresult=True)
    def feedmux_request(self, asked: Asked[Any]) -> Request | None:
        """What would be sent. Pure: equal questions give equal requests. None: the question itself is the key."""

    @hookspec(firstresult=True)
    def feedmux_fetch(self, asked: Asked[Any], http: Http) -> Awaitable[Sequence[Item]]:  # type: ignore[empty-body]
        """Ask the upstream one question, once. Raises what `http` raises; anything else becomes BadPayload."""

    @hookspec(firstresult=True)
    def feedmux_health(self, http: Http) -> Awaitable[None] | None:
        """The cheapest request that shows the upstream is well; raises where it is not."""

    @hookspec(firstresult=True)
    def feedmux_stream(self, query: Query, http: Listener) -> AsyncIterator[Item] | None:
        """Items as the upstream pushes them, for a question about one element. None: this is not streamed here.

        Called for the first watch, ended by `aclose` after the last, called again with growing pauses where it ends
        or raises. `http.asked` holds the ids that the listing gives; a request with `http` spends quota as any other.
        Items pass the guard; one that is no newer than the last is no sign of life.
        """


class ExtensionHooks:
    """What a host extension may do. Extensions may also wrap the provider hooks; providers may not."""

    @hookspec(firstresult=True)
    def feedmux_transport(self, provider: str, settings: Settings, clock: Clock) -> Transport | None:
        """What carries a provider's requests instead of the network: sandbox, replay, chaos. The first wins."""

    @hookspec
    def feedmux_event(self, event: Event) -> None:
        """Observe what happens. Called beside the questions, never in their way; what it raises is logged."""
