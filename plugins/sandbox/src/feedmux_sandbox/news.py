"""News feeds: RSS 2.0 of our own making, about nothing but the sandbox's own prices. No site states a limit."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree

from feedmux.transport import Incoming
from feedmux_sandbox.call import Call, Refusal, answer
from feedmux_sandbox.coins import DAY
from feedmux_sandbox.series import leaders

ENTRIES = 25
EVERY = 1800
"""Seconds between two entries of a feed."""
RSS = {"content-type": "application/rss+xml; charset=utf-8"}
NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana"}
FEEDS = {
    "www.coindesk.com": "{name} trades {change} from a day ago",
    "cointelegraph.com": "{name} price today: {change} in 24 hours",
    "decrypt.co": "Where {name} stands: {change} since yesterday",
    "bitcoinmagazine.com": "A day of {name}: {change}",
}
"""How each site words it, by its host."""
SHARED = "{name} moves {change} within a day"
"""What all sites have in the same words, every fourth time."""
PATHS = ("/rss", "/feed")
"""What the path of a feed ends in."""


class News:
    """A feed is a pure function of the time: every half hour an entry, which is then always the same."""

    latency = 0.05

    def answer(self, call: Call) -> Incoming:
        try:
            if not call.path.rstrip("/").endswith(PATHS):
                raise Refusal(404, "<html><body>Not Found</body></html>", {"content-type": "text/html"})
            return answer(_feed(call), headers=RSS)
        except Refusal as refusal:
            return refusal.incoming


def _feed(call: Call) -> bytes:
    site = call.host if call.host in FEEDS else next(iter(FEEDS))
    rss = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(rss, "channel")
    _add(channel, title=f"Sandbox of {site}", link="https://sandbox.example/", description="No real news")
    newest = int(call.at // EVERY)
    for slot in range(newest, newest - ENTRIES, -1):
        published = datetime.fromtimestamp(slot * EVERY, UTC)
        _add(
            ElementTree.SubElement(channel, "item"),
            title=_title(site, slot),
            link=f"https://sandbox.example/{site}/{slot}",
            pubDate=format_datetime(published, usegmt=True),
        )
    written: bytes = ElementTree.tostring(rss, encoding="utf-8", xml_declaration=True)
    return written


def _title(site: str, slot: int) -> str:
    """What a leader did in the day before, always said to be the sandbox's."""
    symbol = list(NAMES)[slot % len(NAMES)]
    series, at = leaders()[symbol], slot * EVERY
    change = 100 * (series.price(at) / series.price(at - DAY) - 1)
    wording = SHARED if slot % 4 == 0 else FEEDS[site]
    return "Sandbox: " + wording.format(name=NAMES[symbol], change=f"{change:+.1f} %")


def _add(element: ElementTree.Element, **texts: str) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(element, name).text = text
