"""The news feeds: whole RSS that the news provider reads, and nothing in it that could be taken for real."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import pytest

from feedmux_sandbox.call import Call
from feedmux_sandbox.news import ENTRIES, EVERY, FEEDS, News

NOW = 1_767_237_945.678
SITE = "www.coindesk.com"


def feed(host: str = SITE, at: float = NOW, path: str = "/arc/outboundfeeds/rss") -> ElementTree.Element:
    incoming = News().answer(Call(host, path, at))
    assert (incoming.status, incoming.headers["content-type"]) == (200, "application/rss+xml; charset=utf-8")
    return ElementTree.fromstring(incoming.body)


def texts(root: ElementTree.Element, name: str) -> list[str]:
    return [item.findtext(name) or "" for item in root.iter("item")]


@pytest.mark.parametrize("host", FEEDS)
def test_every_site_has_a_feed_whose_titles_say_that_they_are_the_sandbox_s(host):
    titles = texts(feed(host, path="/feed"), "title")
    assert len(titles) == ENTRIES
    assert all(title.startswith("Sandbox: ") for title in titles)


def test_links_lead_nowhere_real():
    assert all(link.startswith("https://sandbox.example/") for link in texts(feed(), "link"))


def test_entries_come_newest_first_and_none_is_from_the_future():
    published = [parsedate_to_datetime(text).timestamp() for text in texts(feed(), "pubDate")]
    assert published == sorted(published, reverse=True)
    assert 0 <= NOW - published[0] < EVERY


def test_an_entry_stays_as_it_was():
    assert texts(feed(at=NOW + EVERY), "title")[1:] == texts(feed(), "title")[:-1]


def test_sites_share_some_headlines_and_have_others_alone():
    one, other = (set(texts(feed(host), "title")) for host in ("decrypt.co", "cointelegraph.com"))
    assert one & other
    assert one - other


def test_another_host_is_a_site_too():
    assert texts(feed("127.0.0.1", path="/proxy/rss"), "title") == texts(feed(), "title")


def test_what_is_no_feed_is_not_there():
    assert News().answer(Call(SITE, "/", NOW)).status == 404
