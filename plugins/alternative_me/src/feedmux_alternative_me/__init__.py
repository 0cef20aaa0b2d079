"""alternative.me: the Fear & Greed index, every coin it knows in one request, and the whole market. No key."""

from __future__ import annotations

from feedmux.endpoint import Endpoint
from feedmux.errors import BadPayload
from feedmux.failure import Failure
from feedmux.limits import Backoff, Limits, Terms, Window
from feedmux.provider import Provider
from feedmux.query import MANY, FearGreed, GlobalMarket, Markets, Quotes
from feedmux.request import Request
from feedmux_alternative_me.coins import (
    CURRENCIES,
    markets_request,
    parse_markets,
    parse_quotes,
    quotes_request,
)
from feedmux_alternative_me.fear_greed import fear_greed_request, parse_fear_greed
from feedmux_alternative_me.global_market import global_request, parse_global

provider = Provider(
    hosts=("https://api.alternative.me",),
    limits=Limits(
        weight=10,
        windows=(Window(60, per=60), Window(600, per=600)),
        backoff=Backoff(steps=(60, 300, 900)),
    ),
    endpoints=(
        Endpoint(FearGreed, fear_greed_request, parse_fear_greed, Terms(ttl=300)),
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=300, batch=MANY), currencies=CURRENCIES),
        Endpoint(Markets, markets_request, parse_markets, Terms(ttl=300)),
        Endpoint(GlobalMarket, global_request, parse_global, Terms(ttl=300)),
    ),
    health=Request("/fng/", {"limit": 1}),
    errors=(Failure(BadPayload, status=200, path="metadata.error"),),
    attribution="alternative.me",
    docs="https://alternative.me/crypto/api/",
)
