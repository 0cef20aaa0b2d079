"""No key survives: not the one that an entry names, nor one that hides in a name or an address."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.items import Resource
from feedmux.query import Resources
from feedmux.request import Asked
from feedmux_crypto_api_clean import parse_resources
from feedmux_crypto_api_clean.catalogue import _catalogue
from feedmux_crypto_api_clean.keys import without_keys

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ENTRIES: list[dict[str, Any]] = msgspec.json.decode(
    (Path(__file__).parent / "recorded" / "resources_catalogue.json").read_bytes()
)["resources"]
CATEGORIES = sorted({entry["category"] for entry in ENTRIES})
KEYS = {
    "hexadecimal": "0123456789abcdef0123456789abcdef",
    "upper case": "AB1CD2EF3GH4IJ5KL6MN7OP8QR9ST0UV1W",
    "uuid": "01234567-89ab-4cde-8f01-23456789abcd",
    "dashed": "aB3-dE_fG-hI_jK-lM_nO-pQ_rS",
    "prefixed": "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567",
    "underscored": "pub_123456abc789def012ghi345jkl678",
    "words": "not-a-secret-at-all",
}
"""Invented, in the shapes that keys have."""
WHERE = {
    "its own field": {},
    "the path": {"base_url": "https://api.example/v3/KEY/x"},
    "a parameter": {"base_url": "https://api.example/v1?a=b&apikey=KEY"},
    "a login": {"base_url": "https://user:KEY@api.example/"},
    "the host": {"base_url": "wss://KEY.example/ws"},
    "the name": {"name": "Example (KEY)"},
    "the id": {"id": "example_KEY"},
    "the notes": {"notes": "use KEY", "endpoints": {"x": "?key=KEY"}},
}


def entry(row: dict[str, Any], key: str | None, changes: dict[str, Any]) -> dict[str, Any]:
    """A recorded entry in the service's shape, with a key planted."""
    auth = {"type": row["auth_type"], "key": key, "param_name": row["auth_param"]}
    planted = msgspec.json.decode(msgspec.json.encode(changes).replace(b"KEY", (key or "").encode()))
    return {**row, "auth": auth, **planted}


def parsed(category: str, entries: list[dict[str, Any]]) -> list[Resource]:
    document = {
        "category": category,
        "total": len(entries),
        "resources": entries,
        "timestamp": "2025-12-12T19:22:50",
    }
    return parse_resources(msgspec.json.encode(document), Asked(Resources(category), NOW))


def written(resources: list[Resource]) -> str:
    return msgspec.json.encode(resources).decode()


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("changes", WHERE.values(), ids=WHERE)
def test_a_key_that_an_entry_names_is_nowhere_in_the_whole_catalogue(
    key: str, changes: dict[str, Any]
) -> None:
    for category in CATEGORIES:
        entries = [entry(row, key, changes) for row in ENTRIES if row["category"] == category]
        found = parsed(category, entries)
        assert len(found) == len(entries)
        assert key not in written(found)


@pytest.mark.parametrize("key", [key for kind, key in KEYS.items() if kind != "words"])
@pytest.mark.parametrize("changes", WHERE.values(), ids=WHERE)
def test_a_key_that_no_entry_names_is_known_by_its_looks(key: str, changes: dict[str, Any]) -> None:
    row = entry(ENTRIES[0], key, changes)
    row["auth"]["key"] = None
    assert key not in written(parsed(row["category"], [row]))


def test_nothing_in_the_whole_catalogue_looks_like_a_key() -> None:
    """By another measure than the one that cleans it: long, and of many different letters and digits."""
    live = [
        one
        for category in CATEGORIES
        for one in parsed(category, [entry(row, None, {}) for row in ENTRIES if row["category"] == category])
    ]
    for resource in [*live, *_catalogue().resources]:
        for text in (resource.id, resource.name, resource.url or ""):
            for run in re.findall(r"[A-Za-z0-9]{16,}", text):
                assert not re.search(r"[0-9]", run), text
            assert not re.search(r"[?&](\w*key|token)=(?!\{)", text, re.IGNORECASE), text
            assert "@" not in text


def test_what_is_no_key_stays_as_it_is() -> None:
    for row in ENTRIES:
        for text in (row["id"], row["name"], row["base_url"] or ""):
            assert without_keys(text) == text


def test_a_word_in_the_place_of_a_key_removes_no_words() -> None:
    assert without_keys("a free service", "free") == "a free service"


def test_a_stand_in_says_where_a_key_belongs() -> None:
    key = KEYS["hexadecimal"]
    assert without_keys(f"https://x.example/v3/{key}") == "https://x.example/v3/{API_KEY}"
    assert without_keys("https://x.example/?apikey=abc&a=b") == "https://x.example/?apikey={API_KEY}&a=b"
    assert without_keys("https://x.example/?apikey={key}") == "https://x.example/?apikey={key}"
