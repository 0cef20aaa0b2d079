"""The application: one engine for as long as it runs, its routes, and what holds for every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

import feedmux
from feedmux import Mux, Settings
from feedmux.clock import Clock
from feedmux.settings import load
from feedmux.store import Store
from feedmux_server import capability, compat, page, problem, reference, state
from feedmux_server.desk import Desk
from feedmux_server.edge import BODY_LIMIT, Edge
from feedmux_server.hosts import Hosts
from feedmux_server.traffic import Traffic


def create_app(
    settings: Settings | None = None,
    *,
    plugins: Mapping[str, object] | None = None,
    extensions: Mapping[str, object] | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
    seed: int | None = None,
) -> Litestar:
    """An ASGI application whose engine is opened when it starts and closed when it ends; it starts once.

    `settings` None: as `feedmux.open` finds them. The rest is handed to `feedmux.open`. The routes of a capability
    exist from the start on, because only then it is known which there are. Raises SettingsError.
    """
    chosen = load() if settings is None else settings
    traffic = Traffic()

    @asynccontextmanager
    async def engine(app: Litestar) -> AsyncIterator[None]:
        async with feedmux.open(
            chosen, plugins=plugins, extensions=extensions, clock=clock, store=store, seed=seed
        ) as mux:
            app.state.mux, app.state.traffic = mux, traffic
            desk = Desk(mux)
            for handler in (*capability.routes(desk), *compat.routes(desk, traffic), *page.routes(desk)):
                app.register(handler)
            yield

    app = Litestar(
        route_handlers=[*state.routes(), *reference.routes()],
        lifespan=[engine],
        dependencies={"mux": Provide(_mux, sync_to_thread=False)},
        exception_handlers={Exception: problem.respond},
        request_max_body_size=BODY_LIMIT,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    hosts = Hosts(chosen.server.host, chosen.server.allowed_hosts)
    app.asgi_handler = Edge(app.asgi_handler, hosts, traffic, clock, seed)
    return app


def _mux(state: State) -> Mux:
    mux: Mux = state.mux
    return mux
