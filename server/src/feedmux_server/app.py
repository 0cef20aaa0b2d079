"""The application: one engine for as long as it runs, its routes, and what holds for every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

import feedmux
from feedmux import Mux, Settings
from feedmux.clock import Clock, SystemClock
from feedmux.settings import load
from feedmux.store import Store
from feedmux_server import (
    capability,
    compat,
    decision_log,
    metrics,
    page,
    problem,
    readiness,
    reference,
    state,
    switchboard,
    tracing,
)
from feedmux_server.admin import GUESSES
from feedmux_server.assistant import route as assistant
from feedmux_server.client import Clients
from feedmux_server.client_limit import ClientLimit, client_limit
from feedmux_server.compat.socket import live_prices
from feedmux_server.cors import Cors
from feedmux_server.desk import Desk
from feedmux_server.edge import BODY_LIMIT, Edge
from feedmux_server.hosts import Hosts
from feedmux_server.readiness import Readiness
from feedmux_server.stream.hub import Hub
from feedmux_server.stream.route import native
from feedmux_server.traffic import Traffic
from feedmux_server.upkeep import upkeep


def create_app(
    settings: Settings | None = None,
    *,
    plugins: Mapping[str, object] | None = None,
    extensions: Mapping[str, object] | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
    seed: int | None = None,
    read: Callable[[], Settings] | None = None,
) -> Litestar:
    """An ASGI application whose engine is opened when it starts and closed when it ends; it starts once.

    `settings` None: as `feedmux.open` finds them. The rest is handed to `feedmux.open`. The routes of a capability
    exist from the start on, because only then it is known which there are. `read` gives the settings anew where a
    reload asks for them, by default as `feedmux.open` finds them or, where they were given, the same. Raises
    SettingsError.
    """
    chosen = load() if settings is None else settings
    again = read or (load if settings is None else lambda: chosen)
    traffic = Traffic()

    @asynccontextmanager
    async def engine(app: Litestar) -> AsyncIterator[None]:
        async with feedmux.open(
            chosen, plugins=plugins, extensions=extensions, clock=clock, store=store, seed=seed
        ) as mux:
            app.state.mux, app.state.traffic = mux, traffic
            desk, hub = Desk(mux), Hub(mux, chosen.server.stream_clients, seed)
            app.state.stream, app.state.desk = hub, desk
            for handler in (*capability.routes(desk), *compat.routes(desk, traffic), *page.routes(desk)):
                app.register(handler)
            for live in (native(hub, chosen.server), live_prices(hub, chosen.server)):
                app.register(live)
            try:
                async with assistant.opened(desk, chosen.server.cors_origins) as tools:
                    for tool in tools:
                        app.register(tool)
                    async with (
                        tracing.opened(chosen.server.otlp_endpoint, mux.clock) as desk.tracing,
                        decision_log.opened(chosen.server.decision_log, mux.clock) as desk.log,
                        upkeep(app, mux, traffic, chosen.server, again) as gauges,
                    ):
                        gauges.add("feedmux_stream_clients", lambda: hub.clients)
                        gauges.add("feedmux_stream_topics", lambda: hub.topics)
                        yield
            finally:
                await hub.aclose()

    app = Litestar(
        route_handlers=[
            *state.routes(),
            *reference.routes(),
            *readiness.routes(),
            *metrics.routes(),
            *switchboard.routes(),
        ],
        lifespan=[engine],
        dependencies={"mux": Provide(_mux, sync_to_thread=False)},
        exception_handlers={Exception: problem.respond},
        request_max_body_size=BODY_LIMIT,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    hosts = Hosts(chosen.server.host, chosen.server.allowed_hosts)
    app.state.clients = clients = Clients(chosen.server.trusted_proxies)
    app.state.readiness = Readiness()
    app.state.guesses = ClientLimit(GUESSES, clock or SystemClock())
    app.asgi_handler = Edge(
        app.asgi_handler,
        hosts,
        traffic,
        clock,
        seed,
        clients=clients,
        limit=client_limit(chosen.server, clock or SystemClock()),
        cors=Cors(chosen.server.cors_origins),
    )
    return app


def _mux(state: State) -> Mux:
    mux: Mux = state.mux
    return mux
