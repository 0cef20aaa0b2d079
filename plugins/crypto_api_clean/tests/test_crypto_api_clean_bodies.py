"""What the service answers, read, and the catalogue that is shipped."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux import virtual
from feedmux.errors import FeedmuxError, InvalidQuery, RateLimited, Unavailable, UpstreamDown
from feedmux.failure import failure_of
from feedmux.items import Resource
from feedmux.query import Resources
from feedmux.request import Asked, Reply
from feedmux_crypto_api_clean import parse_categories, parse_resources, provider, shipped
from feedmux_crypto_api_clean.catalogue import distinct

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
RECORDED = msgspec.json.decode((HERE / "recorded" / "resources_catalogue.json").read_bytes())


def body(name: str) -> bytes:
    return (HERE / "documented" / f"{name}.json").read_bytes()


def category(name: str) -> list[Resource]:
    return parse_resources(body(f"resources_category_{name}"), Asked(Resources(name), NOW))


def from_shipped(name: str = "") -> list[Resource]:
    asked: Any = Asked(Resources(name), NOW)
    found: Any = virtual.run(shipped.feedmux_fetch(asked, http=None))  # type: ignore[arg-type]
    return list(found)


def failure(status: int, content: bytes) -> FeedmuxError | None:
    return failure_of(Reply(status, {}, content), provider.feedmux_upstream().failures, NOW)


def test_a_category_is_read_whole_in_its_order() -> None:
    found = category("sentiment_apis")
    assert len(found) == 14
    assert found[0] == Resource(
        id="alternative_me_fng",
        name="Alternative.me Fear & Greed",
        category="sentiment_apis",
        url="https://api.alternative.me",
    )
    assert len(category("market_data_apis")) == 33


def test_the_services_own_time_names_no_zone_and_is_not_used() -> None:
    assert {one.observed_at for one in category("sentiment_apis")} == {None}


def test_the_categories_come_by_name() -> None:
    names = parse_categories(body("categories"))
    assert (len(names), names[0], names[-1]) == (12, "rpc_nodes", "cors_proxies")


def test_another_category_than_the_one_asked_for_is_an_error() -> None:
    with pytest.raises(ValueError, match="sentiment_apis"):
        parse_resources(body("resources_category_sentiment_apis"), Asked(Resources("news_apis"), NOW))


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("wss://x.example/ws", "wss://x.example/ws"),
        ("https://x.example/{PROJECT_ID}", "https://x.example/{PROJECT_ID}"),
        ("{API_BASE}/api/status", None),
        ("javascript:alert(1)", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_that_is_none_is_null(url: str | None, kept: str | None) -> None:
    document = {"category": "x", "resources": [{"id": "a", "name": "A", "base_url": url}]}
    (found,) = parse_resources(msgspec.json.encode(document), Asked(Resources("x"), NOW))
    assert found.url == kept


def test_ids_that_repeat_are_told_apart() -> None:
    ids = ["x", "y", "x", "x-2", "x"]
    resources = [Resource(id=id_, name=str(n), category="c") for n, id_ in enumerate(ids)]
    found = distinct(resources)
    assert [one.name for one in found] == ["0", "1", "2", "3", "4"]
    assert [one.id for one in found[:3]] == ["x", "y", "x-2"]
    assert len({one.id for one in found}) == 5
    assert distinct(found) == found


def test_the_shipped_catalogue_is_the_recorded_one_reshaped() -> None:
    found = from_shipped()
    assert [(one.name, one.category) for one in found] == [
        (r["name"], r["category"]) for r in RECORDED["resources"]
    ]
    assert Counter(one.category for one in found) == RECORDED["categories"]
    urls = [row["base_url"] if "://" in (row["base_url"] or "") else None for row in RECORDED["resources"]]
    assert [one.url for one in found] == urls


def test_the_shipped_catalogue_says_how_old_it_is() -> None:
    found = from_shipped()
    assert {(one.observed_at, one.stale) for one in found} == {(datetime(2025, 12, 8, tzinfo=UTC), True)}


def test_the_shipped_ids_are_all_different() -> None:
    assert len({one.id for one in from_shipped()}) == 274


def test_the_shipped_catalogue_gives_one_category_or_says_that_it_has_none() -> None:
    assert len(from_shipped("news_apis")) == 17
    with pytest.raises(InvalidQuery):
        from_shipped("cors_proxies")


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (404, body("error_404_category"), InvalidQuery),
        (400, body("error_400_not_a_list"), InvalidQuery),
        (404, b"<html><title>404</title></html>", Unavailable),
        (404, b'{"detail":"Not Found"}', Unavailable),
        (422, b'{"detail":[]}', InvalidQuery),
        (429, b"", RateLimited),
        (502, b"<html>Space is building</html>", UpstreamDown),
        (503, b"<html>Space is sleeping</html>", UpstreamDown),
    ],
)
def test_every_error_has_its_meaning(status: int, content: bytes, error: type[FeedmuxError]) -> None:
    assert type(failure(status, content)) is error


JUNK: tuple[Any, ...] = (None, True, -1, 0, 0.5, 2**64 - 1, "", "NaN", "x" * 3000, [], {}, [[]])


def broken(value: Any) -> Any:
    """The same document, once for each place in it and each thing that could go wrong there."""
    yield from JUNK
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {k: v for k, v in value.items() if k != key}
            yield from ({**value, key: bad} for bad in broken(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield from ([*value[:at], bad, *value[at + 1 :]] for bad in broken(inner))


def test_junk_in_a_body_gives_entries_of_the_body_or_an_error() -> None:
    good = msgspec.json.decode(body("resources_category_sentiment_apis"))
    good["resources"] = good["resources"][:2]
    asked = Asked(Resources("sentiment_apis"), NOW)
    for bad in broken(good):
        try:
            found = parse_resources(msgspec.json.encode(bad), asked)
        except ValueError:  # msgspec's errors are ValueErrors
            continue
        rows = bad["resources"]
        assert [(one.id, one.name) for one in found] == [(row["id"], row["name"]) for row in rows]
        assert all(one.url in (None, row.get("base_url")) for one, row in zip(found, rows, strict=True))


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[" * 100_000, b"<html>Space is sleeping</html>", b'{"category":']
)
def test_a_body_that_is_no_document_is_an_error(content: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_resources(content, Asked(Resources("news_apis"), NOW))
    with pytest.raises((ValueError, RecursionError)):
        parse_categories(content)


@pytest.mark.parametrize("names", [[], ["../x"], ["a b"], [""], ["a"] * 41])
def test_categories_that_could_not_be_asked_for_are_an_error(names: list[str]) -> None:
    with pytest.raises(ValueError, match="categories"):
        parse_categories(msgspec.json.encode({"categories": [{"name": name} for name in names]}))
