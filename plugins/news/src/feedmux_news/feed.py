"""A feed, read strictly: one that is cut off or is no feed at all is an error, never half an answer.

RSS 2.0: https://www.rssboard.org/rss-specification, Atom: https://www.rfc-editor.org/rfc/rfc4287
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

from feedmux.items import Headline

SPACES = (
    "",
    "{http://purl.org/rss/1.0/",
    "{http://purl.org/dc/elements/1.1/",
    "{http://www.w3.org/2005/Atom",
)
"""The namespaces of what is read: RSS 2.0 has none, RSS 1.0 takes its dates from Dublin Core."""
DATES = ("pubDate", "published", "date", "updated")
MOST = 1000
"""How many entries are read, from the top."""
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_LINK = re.compile(r"https?://[^\s\[\]<>\"]{1,2000}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def headlines(body: bytes) -> list[Headline]:
    """Those of a whole feed, in its order; an entry without a title or a link to a page is left out.

    Raises ValueError for anything that is no whole feed with entries.
    """
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - expat fetches no entity and bounds what they grow to
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"the feed is no well-formed XML: {error}") from None
    entries = [element for element in root.iter() if element.tag.rpartition("}")[2] in ("item", "entry")]
    if not entries:
        raise ValueError("it is no feed, or one without entries")
    return [found for entry in entries[:MOST] if (found := _headline(_said(entry)))]


def merged(found: Iterable[Headline]) -> list[Headline]:
    """Headlines of one feed or of several, newest first, without those that repeat a link or a title."""
    kept, seen = [], set[str]()
    for headline in sorted(found, key=lambda one: one.published_at or _LONG_AGO, reverse=True):
        marks = {_place(headline.url), _words(headline.title)}
        if not marks & seen:
            kept.append(headline)
        seen |= marks
    return kept


def _said(entry: ElementTree.Element) -> dict[str, str]:
    """The texts of an entry by their names in RSS and Atom, the first of each; of Atom's links that to the page."""
    said: dict[str, str] = {}
    for child in entry:
        space, _, name = child.tag.rpartition("}")
        if space in SPACES and child.get("rel", "alternate") == "alternate":
            said.setdefault(name, "".join(child.itertext()).strip() or child.get("href", ""))
    return said


def _headline(said: dict[str, str]) -> Headline | None:
    title = " ".join(html.unescape(_TAG.sub(" ", said.get("title", ""))).split())
    link = said.get("link", "")
    if not title or not _LINK.fullmatch(link):
        return None
    dates = (_instant(said[name]) for name in DATES if name in said)
    return Headline(title=title, url=link, published_at=next(dates, None))


def _instant(text: str) -> datetime | None:
    """The instant that a date of RSS 2.0 or of the others names; None where it names none or no zone."""
    read = datetime.fromisoformat if _INSTANT.fullmatch(text) else parsedate_to_datetime
    try:
        found = read(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _place(url: str) -> str:
    """Where a link leads, without what only says where it was found."""
    parts = urlsplit(url)
    params = urlencode([pair for pair in parse_qsl(parts.query) if not pair[0].startswith("utm_")])
    return f"{parts.netloc.lower().removeprefix('www.')}{parts.path.rstrip('/')}?{params}"


def _words(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.casefold())) or title
