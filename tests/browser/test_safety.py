"""The page complains of nothing, runs nothing that its policy forbids, and asks nobody but its own server."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from .conftest import Opened
from .served import Served

MOST = 150_000
"""Bytes of the page with its scripts and styles, as they are sent."""


@pytest.fixture(scope="module")
def used(opened_once: Opened) -> Any:
    """A page on which everything was used once."""
    page = opened_once()
    expect(page.locator("#candles tbody tr")).to_have_count(24)
    page.get_by_role("button", name="SOL", exact=True).click()
    page.locator("#interval").select_option("15m")
    page.locator("#line-band").check()
    page.locator("#theme").click()
    page.locator("#ask-now").click()
    expect(page.locator("#verdict")).to_contain_text("from")
    page.locator("#opener").click()
    expect(page.locator("#fold-providers .row").first).to_be_visible()
    page.locator("#drawer-refresh").click()
    page.keyboard.press("Escape")
    expect(page.locator("#chart-summary")).to_contain_text("SOL by 15m")
    return page


def test_nothing_is_complained_of(used: Any) -> None:
    assert used.troubles == []


def test_the_policy_is_never_violated(used: Any) -> None:
    assert used.evaluate("violations") == []


def test_nobody_else_is_asked(used: Any, server: Served) -> None:
    hosts = {urlsplit(url).netloc for url in used.asked if not url.startswith("data:")}
    assert hosts == {urlsplit(server.url).netloc}


def test_only_what_the_server_has_is_asked_for(opened: Opened) -> None:
    page = opened()
    expect(page.locator("#candles tbody tr")).to_have_count(24)
    statuses = page.evaluate("performance.getEntriesByType('resource').map((one) => one.responseStatus)")
    assert set(statuses) == {200}


def test_the_page_with_all_it_needs_is_small(opened: Opened) -> None:
    page = opened()
    expect(page.locator("#candles tbody tr")).to_have_count(24)
    sizes = page.evaluate("""performance.getEntriesByType('resource')
        .filter((one) => new URL(one.name).pathname.startsWith('/static/'))
        .concat(performance.getEntriesByType('navigation')).map((one) => one.encodedBodySize)""")
    assert len(sizes) > 20
    assert sum(sizes) < MOST
