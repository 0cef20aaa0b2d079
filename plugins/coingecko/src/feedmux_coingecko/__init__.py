"""CoinGecko: quotes of almost any coin, the market table, candles, trending coins and the whole market.

Its quota is small, so it is a last resort. Money is in the currency asked for, changes are in percent.
"""

from __future__ import annotations

from feedmux.endpoint import Endpoint, Key, ListingSource, Plan
from feedmux.errors import InvalidQuery, Unauthorized, UpstreamDown
from feedmux.failure import Failure
from feedmux.limits import MONTH, Backoff, Limits, Terms, Tier, Window
from feedmux.provider import Provider
from feedmux.query import Candles, GlobalMarket, Markets, Quotes, Trending
from feedmux.request import Request
from feedmux_coingecko.candles import candles_request, lacks, parse_candles
from feedmux_coingecko.coins import (
    FIRST_PAGE,
    markets_request,
    parse_listing,
    parse_markets,
    parse_quotes,
    quotes_request,
)
from feedmux_coingecko.global_market import global_request, parse_global
from feedmux_coingecko.trending import parse_trending, trending_request

PRO = ("https://pro-api.coingecko.com/api/v3",)


def _paid(a_minute: int, a_month: int) -> Plan:
    """A paid plan: a host of its own, a key of its own, credits for the month."""
    return Plan(
        windows=(Window(a_minute, per=60), Window(a_month, per=MONTH)),
        hosts=PRO,
        key=Key(header="x-cg-pro-api-key", required=True),
        min_interval=0,
    )


# No number is promised without a key; 5 a minute is what holds. With a demo key 30 a minute and 10,000 a month:
# https://docs.coingecko.com/docs/common-errors-rate-limit. At most 50 symbols a request, says the reference.
# Candles are made anew every 15 minutes, the whole market every 10. What the paid plans allow, by name:
# https://www.coingecko.com/en/api/pricing
provider = Provider(
    hosts=("https://api.coingecko.com/api/v3",),
    limits=Limits(
        weight=5,
        tier=Tier.LAST_RESORT,
        windows=(Window(5, per=60),),
        min_interval=10,
        backoff=Backoff(steps=(120, 240, 600), blacklist_after=3),
    ),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=300, batch=50), listed=False),
        Endpoint(Candles, candles_request, parse_candles, Terms(ttl=900), refuses=lacks),
        Endpoint(Markets, markets_request, parse_markets, Terms(ttl=300), listed=False),
        Endpoint(Trending, trending_request, parse_trending, Terms(ttl=300), listed=False),
        Endpoint(GlobalMarket, global_request, parse_global, Terms(ttl=600), listed=False),
    ),
    listing=ListingSource(FIRST_PAGE, parse_listing),
    health=Request("/ping"),
    plans={
        "public": Plan(),
        "demo": Plan(
            windows=(Window(30, per=60), Window(10_000, per=MONTH)),
            key=Key(header="x-cg-demo-api-key", required=True),
            min_interval=2,
        ),
        "basic": _paid(250, 100_000),
        "analyst": _paid(500, 500_000),
        "lite": _paid(500, 2_000_000),
    },
    errors=(
        # A key that is missing, wrong or for the other host; then what is beyond the plan, where the key is good.
        Failure(Unauthorized, path="status.error_code", contains="^100(02|10|11)$"),
        Failure(InvalidQuery, path="status.error_code", contains="^100(05|12)$"),
        Failure(InvalidQuery, path="error.status.error_code", contains="^100(05|12)$"),
        Failure(UpstreamDown, status=403),  # Cloudflare's block says nothing about the key
    ),
    attribution="Data provided by CoinGecko (https://www.coingecko.com)",
    docs="https://docs.coingecko.com/v3.0.1/reference/introduction",
)
