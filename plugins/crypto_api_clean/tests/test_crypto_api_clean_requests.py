"""What is sent to the service, and what the engine makes of it where the service is well, gone or asleep."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

import feedmux
from feedmux import FeedmuxError, InvalidQuery, NoProvider, Resources, Tier, hookimpl, virtual
from feedmux.request import Asked
from feedmux.settings import Settings
from feedmux.transport import Incoming, Outgoing
from feedmux_crypto_api_clean import provider, resources_request, shipped

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
PAGE = b"<html><body>Space is sleeping</body></html>"
CATEGORIES = {"news_apis": ["a", "b"], "rpc_nodes": ["a"]}


class Service:
    """Two hosts that know two categories, or answer everything with a page."""

    simulated = False

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.pages: dict[str, int] = {}
        """Hosts that answer with a page, and its status."""

    @hookimpl
    def feedmux_transport(self, provider: str) -> Any:
        return self

    async def send(self, outgoing: Outgoing) -> Incoming:
        address = urlsplit(outgoing.url)
        host, path = address.netloc.partition(".")[0], address.path
        self.sent.append((host, path))
        if host in self.pages:
            return Incoming(self.pages[host], {}, PAGE)
        if path == "/api/categories":
            return self._json({"categories": [{"name": name} for name in CATEGORIES]})
        name = path.rpartition("/")[2]
        if name not in CATEGORIES:
            return Incoming(404, {}, (HERE / "documented" / "error_404_category.json").read_bytes())
        rows = [
            {"id": id_, "name": id_.upper(), "base_url": f"https://{id_}.example"} for id_ in CATEGORIES[name]
        ]
        return self._json({"category": name, "resources": rows})

    def _json(self, document: Any) -> Incoming:
        return Incoming(200, {}, msgspec.json.encode(document))

    async def aclose(self) -> None:
        """Nothing is open."""


FIXED, EARLIER = "really-amin-crypto-api-clean-fixed", "really-amin-crypto-api-clean"
BOTH: dict[str, object] = {"crypto_api_clean": provider, "crypto_api_clean_shipped": shipped}


def asked(questions: Callable[[Any, Service], Awaitable[None]]) -> None:
    """Ask an engine that has the two providers alone, in virtual time."""

    async def run() -> None:
        service = Service()
        async with feedmux.open(
            Settings(),
            plugins=BOTH,
            extensions={"service": service},
            clock=virtual.virtual_clock(NOW),
            seed=1,
        ) as mux:
            await questions(mux, service)

    virtual.run(run())


@pytest.mark.parametrize(("name", "plugin"), BOTH.items())
def test_both_are_found_under_their_names(name: str, plugin: object) -> None:
    (found,) = entry_points(group="feedmux.providers", name=name)
    assert found.load() is plugin


def test_the_live_one_has_weight_and_the_shipped_one_is_for_an_emergency() -> None:
    live, old = provider.feedmux_limits(), shipped.feedmux_limits()
    assert (live.weight, live.tier) == (30, Tier.PRIMARY)
    assert [(w.limit, w.per) for w in live.windows] == [(60, 60), (1000, 3600)]
    assert (old.tier, old.windows) == (Tier.EMERGENCY, ())


@pytest.mark.parametrize("category", ["../health", "a/b", "a b", "A?x=1", "n\u00e4chste"])
def test_what_cannot_be_a_category_is_an_invalid_question_that_is_not_asked(category: str) -> None:
    with pytest.raises(InvalidQuery):
        resources_request(Asked(Resources(category), NOW))


def test_a_category_is_one_request() -> None:
    async def questions(mux: Any, service: Service) -> None:
        answer = await mux.get(Resources("news_apis"))
        assert [(one.id, one.url, one.stale) for one in answer] == [
            ("a", "https://a.example", False),
            ("b", "https://b.example", False),
        ]
        assert service.sent == [(FIXED, "/api/resources/category/news_apis")]

    asked(questions)


def test_the_whole_catalogue_is_every_category_with_ids_told_apart() -> None:
    async def questions(mux: Any, service: Service) -> None:
        answer = await mux.get(Resources())
        assert [(one.id, one.category) for one in answer] == [
            ("a", "news_apis"),
            ("b", "news_apis"),
            ("a-2", "rpc_nodes"),
        ]
        assert [path for _, path in service.sent] == [
            "/api/categories",
            "/api/resources/category/news_apis",
            "/api/resources/category/rpc_nodes",
        ]
        await mux.get(Resources())
        assert len(service.sent) == 3

    asked(questions)


def test_a_service_that_is_gone_gives_way_to_the_earlier_one() -> None:
    async def questions(mux: Any, service: Service) -> None:
        service.pages = {FIXED: 404}
        answer = await mux.get(Resources("rpc_nodes"))
        assert answer.providers == ("crypto_api_clean",)
        assert [host for host, _ in service.sent] == [FIXED, EARLIER]

    asked(questions)


def test_a_category_that_nobody_knows_is_the_questions_fault() -> None:
    async def questions(mux: Any, service: Service) -> None:
        for _ in range(6):  # faults would have closed it after five
            with pytest.raises(FeedmuxError, match=r"invalid-query|nope"):
                await mux.get(Resources("nope"))
        assert len(await mux.get(Resources("news_apis"))) == 2

    asked(questions)


def test_a_category_that_nobody_knows_is_refused_by_name_even_while_the_service_sleeps() -> None:
    async def questions(mux: Any, service: Service) -> None:
        service.pages = {FIXED: 503, EARLIER: 503}
        with pytest.raises(
            InvalidQuery, match=r"category: .* has no 'nope' but block_explorers, .*rpc_nodes"
        ):
            await mux.get(Resources("nope"))
        assert service.sent == []

    asked(questions)


def test_a_category_that_only_the_service_has_is_asked_for_there() -> None:
    async def questions(mux: Any, service: Service) -> None:
        service.pages = {FIXED: 503, EARLIER: 503}
        with pytest.raises(NoProvider):
            await mux.get(Resources("cors_proxies"))
        assert service.sent

    asked(questions)


@pytest.mark.parametrize("category", ["", "news_apis"])
def test_while_the_service_sleeps_the_shipped_catalogue_answers_and_is_stale(category: str) -> None:
    async def questions(mux: Any, service: Service) -> None:
        service.pages = {FIXED: 503, EARLIER: 503}
        answer = await mux.get(Resources(category))
        assert len(answer) == (17 if category else 274)
        assert (answer.providers, answer.stale) == (("crypto_api_clean_shipped",), True)
        assert answer.observed_at == datetime(2025, 12, 8, tzinfo=UTC)

    asked(questions)
