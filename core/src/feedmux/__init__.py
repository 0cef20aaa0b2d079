"""Feedmux: one question, many providers.

async with feedmux.open() as mux:
    answer = await mux.get(Quotes(["BTC", "ETH"]))
"""

from feedmux import blocking
from feedmux.answer import Answer, Missing
from feedmux.clock import from_unix, from_unix_ms
from feedmux.crossed import Crossed
from feedmux.endpoint import Endpoint, Key, ListingSource, Plan, UsedHeader
from feedmux.errors import (
    BadPayload,
    DeadlineExceeded,
    FeedmuxError,
    InvalidQuery,
    NoConsensus,
    NoProvider,
    RateLimited,
    SettingsError,
    Unauthorized,
    Unavailable,
    UnknownSymbol,
    UpstreamDown,
    UpstreamTimeout,
)
from feedmux.failure import Failure
from feedmux.hooks import hookimpl
from feedmux.http import Http
from feedmux.items import (
    BalanceFigure,
    Candle,
    Coin,
    GasPrice,
    GlobalStats,
    Headline,
    Item,
    Quote,
    Resource,
    SentimentIndex,
    SupplyFigure,
    TextSentiment,
    TrendingCoin,
)
from feedmux.limits import DAY, MONTH, Backoff, Counts, Limits, Terms, Tier, Window
from feedmux.listing import Listed, Listing, largest
from feedmux.mux import Mux
from feedmux.opening import open
from feedmux.provider import Member, Provider, Upstream
from feedmux.push import Push, Stream
from feedmux.query import (
    Balance,
    Candles,
    FearGreed,
    Gas,
    GlobalMarket,
    Markets,
    News,
    Query,
    Quotes,
    Resources,
    Sentiment,
    Supply,
    Trending,
)
from feedmux.request import Asked, Reply, Request
from feedmux.reset import ResetHeader
from feedmux.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "DAY",
    "MONTH",
    "Answer",
    "Asked",
    "Backoff",
    "BadPayload",
    "Balance",
    "BalanceFigure",
    "Candle",
    "Candles",
    "Coin",
    "Counts",
    "Crossed",
    "DeadlineExceeded",
    "Endpoint",
    "Failure",
    "FearGreed",
    "FeedmuxError",
    "Gas",
    "GasPrice",
    "GlobalMarket",
    "GlobalStats",
    "Headline",
    "Http",
    "InvalidQuery",
    "Item",
    "Key",
    "Limits",
    "Listed",
    "Listing",
    "ListingSource",
    "Markets",
    "Member",
    "Missing",
    "Mux",
    "News",
    "NoConsensus",
    "NoProvider",
    "Plan",
    "Provider",
    "Push",
    "Query",
    "Quote",
    "Quotes",
    "RateLimited",
    "Reply",
    "Request",
    "ResetHeader",
    "Resource",
    "Resources",
    "Sentiment",
    "SentimentIndex",
    "Settings",
    "SettingsError",
    "Stream",
    "Supply",
    "SupplyFigure",
    "Terms",
    "TextSentiment",
    "Tier",
    "Trending",
    "TrendingCoin",
    "Unauthorized",
    "Unavailable",
    "UnknownSymbol",
    "Upstream",
    "UpstreamDown",
    "UpstreamTimeout",
    "UsedHeader",
    "Window",
    "blocking",
    "from_unix",
    "from_unix_ms",
    "hookimpl",
    "largest",
    "open",
]
