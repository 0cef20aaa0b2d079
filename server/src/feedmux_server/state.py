"""The engine as it stands: its providers, and what is left of their quotas. No upstream is asked."""

from __future__ import annotations

from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from feedmux import Mux
from feedmux_server.document import Providers, Quota
from feedmux_server.operation import Operation, route


async def providers(mux: NamedDependency[Mux]) -> Providers:
    """Every provider and its state, those set aside with the reason."""
    return Providers(mux.providers(), mux.sandbox)


async def quota(mux: NamedDependency[Mux]) -> Quota:
    """Every window of every pool: used, left, and when it resets."""
    return Quota(mux.ledger())


def routes() -> list[HTTPRouteHandler]:
    """The routes of the engine's state."""
    seen = Operation(tag="state", summary="Every provider and its state", gives=Providers)
    left = Operation(tag="state", summary="What is left of every quota", gives=Quota)
    return [route("/v1/providers", seen, providers), route("/v1/quota", left, quota)]
