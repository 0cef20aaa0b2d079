"""The server that `bench.stream` asks: `python -m bench.stream_server PORT UPSTREAM_PORT`, its log thrown away."""

from __future__ import annotations

import sys

import msgspec

from bench.miss import Row
from feedmux import Asked, Endpoint, Limits, Provider, Quote, Quotes, Request, Settings, Terms, Window
from feedmux.settings import EngineSettings, ProviderSettings, ServerSettings
from feedmux_server import create_app, log
from feedmux_server.listener import Address
from feedmux_server.runner import run


def quotes_request(asked: Asked[Quotes]) -> Request:
    """All that is asked for at once."""
    return Request("/quotes", {"symbols": ",".join(asked.query.symbols)})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """One quote a row."""
    return [Quote(symbol=row.symbol, price=row.price) for row in msgspec.json.decode(body, type=list[Row])]


PROVIDER = Provider(
    hosts=("https://bench.invalid",),
    limits=Limits(weight=1, windows=(Window(6000, per=60),)),
    endpoints=(Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=1, batch=100)),),
    health=Request("/"),
)


def main(port: int, upstream: int) -> None:
    """Serve until SIGTERM."""
    settings = Settings(
        server=ServerSettings(stream_clients=4000),
        engine=EngineSettings(cache_size=1000),
        providers={"bench": ProviderSettings(base_url=f"http://127.0.0.1:{upstream}")},
    )
    app = create_app(settings, plugins={"bench": PROVIDER}, extensions={}, seed=1)
    log.configure()
    run(app, Address("127.0.0.1", port), lambda _: print("listens", flush=True))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
