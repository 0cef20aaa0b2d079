"""Headlines from the public RSS feeds of four crypto news sites, each a member with limits of its own. No key."""

from __future__ import annotations

from feedmux.endpoint import Endpoint
from feedmux.items import Headline
from feedmux.limits import Backoff, Limits, Terms, Window
from feedmux.provider import Member, Provider
from feedmux.query import News
from feedmux.request import Asked, Request
from feedmux_news.feed import headlines, merged

__all__ = ["merged", "provider"]

FEEDS = {
    "coindesk": ("https://www.coindesk.com", "/arc/outboundfeeds/rss"),
    "cointelegraph": ("https://cointelegraph.com", "/rss"),
    "decrypt": ("https://decrypt.co", "/feed"),
    "bitcoin_magazine": ("https://bitcoinmagazine.com", "/feed"),
}
"""Each site's host and the path of the feed that has all its news."""


def news_request(asked: Asked[News]) -> Request:
    """The member's feed: all it has, whatever was asked for."""
    return Request(FEEDS[asked.member][1])


def parse_news(body: bytes, asked: Asked[News]) -> list[Headline]:
    """All of the feed, newest first, each headline once; the question picks those with its text."""
    return merged(headlines(body))


def health(member: str) -> Request:
    """The feed is also what shows that its site is well."""
    return Request(FEEDS[member][1])


# None of the sites states a limit. A feed asked for every five minutes is polite.
provider = Provider(
    hosts=(),
    members=tuple(Member(name, (host,), origin=name) for name, (host, _) in FEEDS.items()),
    limits=Limits(
        weight=10,
        windows=(Window(60, per=3600),),
        concurrency=2,
        slow_after=2,
        backoff=Backoff(steps=(300, 900, 3600)),
    ),
    endpoints=(Endpoint(News, news_request, parse_news, Terms(ttl=300, fan_out=len(FEEDS))),),
    health=health,
    attribution="Headlines by CoinDesk, Cointelegraph, Decrypt and Bitcoin Magazine",
    docs="https://www.rssboard.org/rss-specification",
)
