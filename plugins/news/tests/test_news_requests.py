"""What is sent to the sites, and how seldom; and what the engine makes of their answers."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import feedmux
from feedmux import BadPayload, News, hookimpl, virtual
from feedmux.request import Asked
from feedmux.settings import Settings
from feedmux.transport import Incoming, Outgoing
from feedmux_news import FEEDS, news_request, provider

MADE = Path(__file__).parent / "made"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Sites:
    """Every site answers with the same body."""

    simulated = False

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.body = (MADE / "rss2_cdata.xml").read_bytes()

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self

    async def send(self, outgoing: Outgoing) -> Incoming:
        self.asked.append(outgoing.url)
        return Incoming(200, {}, self.body)

    async def aclose(self) -> None:
        """Nothing is open."""


def asked(questions: Callable[[Any, Sites], Awaitable[None]]) -> None:
    """Ask an engine that has the feeds alone, in virtual time."""

    async def run() -> None:
        sites = Sites()
        clock = virtual.virtual_clock(NOW)
        async with feedmux.open(
            Settings(), plugins={"news": provider}, extensions={"sites": sites}, clock=clock, seed=1
        ) as mux:
            await questions(mux, sites)

    virtual.run(run())


def test_it_is_found_under_its_name() -> None:
    (found,) = entry_points(group="feedmux.providers", name="news")
    assert found.load() is provider


@pytest.mark.parametrize(
    ("member", "url"),
    [
        ("coindesk", "https://www.coindesk.com/arc/outboundfeeds/rss"),
        ("cointelegraph", "https://cointelegraph.com/rss"),
        ("decrypt", "https://decrypt.co/feed"),
        ("bitcoin_magazine", "https://bitcoinmagazine.com/feed"),
    ],
)
def test_each_site_is_a_member_with_a_feed_and_an_origin_of_its_own(member: str, url: str) -> None:
    (found,) = (one for one in provider.feedmux_upstream().members if one.name == member)
    (host,) = found.hosts
    assert host + news_request(Asked(News(), NOW, member=member)).target == url
    assert found.origin == member


def test_the_whole_feed_is_one_request_whatever_is_asked() -> None:
    requests = [news_request(Asked(News("eth", limit), NOW, member="decrypt")) for limit in (1, 100)]
    assert {request.target for request in requests} == {"/feed"}


def test_a_feed_is_not_asked_for_again_within_five_minutes() -> None:
    limits = provider.feedmux_limits()
    assert limits.serves[News].ttl == 300
    assert [(w.limit, w.per) for w in limits.windows] == [(60, 3600)]


def test_all_sites_are_asked_at_once_and_a_headline_that_several_have_is_given_once() -> None:
    async def questions(mux: Any, sites: Sites) -> None:
        answer = await mux.get(News(limit=1))
        (one,) = answer
        assert (one.title, one.provider) == ("Ether & friends: an invented story", "news")
        assert one.origin in FEEDS
        assert len(set(sites.asked)) == len(sites.asked) == len(FEEDS)
        assert len(await mux.get(News(limit=2))) == 2
        assert len(sites.asked) == len(FEEDS)

    asked(questions)


def test_headlines_for_one_text_are_never_given_for_another() -> None:
    async def questions(mux: Any, sites: Sites) -> None:
        texts = {
            text: [one.title for one in await mux.get(News(text))] for text in ("", "ether", "flat", "nobody")
        }
        assert [len(titles) for titles in texts.values()] == [2, 1, 1, 0]
        assert texts["ether"] != texts["flat"]

    asked(questions)


def test_no_headlines_for_a_text_is_an_answer() -> None:
    async def questions(mux: Any, sites: Sites) -> None:
        answer = await mux.get(News("nobody"))
        assert (len(answer), dict(answer.missing)) == (0, {})

    asked(questions)


def test_where_every_site_answers_with_a_page_that_is_told() -> None:
    async def questions(mux: Any, sites: Sites) -> None:
        sites.body = b"<html><body>Just a moment...</body></html>"
        with pytest.raises(BadPayload):
            await mux.get(News())
        assert len(set(sites.asked)) == len(FEEDS)

    asked(questions)


def test_each_members_own_feed_shows_that_it_is_well() -> None:
    class Client:
        member = "decrypt"

        async def send(self, request: Any) -> None:
            sent.append(request.target)

    sent: list[str] = []
    virtual.run(provider.feedmux_health(http=Client()))  # type: ignore[arg-type]
    assert sent == ["/feed"]
