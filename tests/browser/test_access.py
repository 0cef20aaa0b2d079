"""Everybody can use the page: any theme, any width, keyboard alone, a screen reader, no motion."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from .conftest import PHONE, Opened

THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


def plain(page: Any) -> None:
    expect(page.locator("#candles tbody tr")).to_have_count(24)


def with_drawer(page: Any) -> None:
    page.locator("#opener").click()
    page.get_by_role("button", name="Recent Errors").click()
    page.locator("#admin summary").click()


def answered(page: Any) -> None:
    page.locator("#ask-now").click()
    expect(page.locator("#verdict")).to_contain_text("from")
    page.locator(".body summary").click()
    page.locator("#candles summary").click()


def lost(page: Any) -> None:
    page.route("**/*", lambda route: route.abort())
    expect(page.locator("#live")).to_have_attribute("data-live", "lost")


@THEMES
@pytest.mark.parametrize("state", [plain, with_drawer, answered, lost])
def test_axe_finds_nothing(opened: Opened, state: Any, theme: str) -> None:
    page = opened(color_scheme=theme)
    plain(page)
    state(page)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def test_nothing_is_wider_than_the_window(opened: Opened) -> None:
    page = opened()
    answered(page)
    for change in (lambda: None, lambda: page.locator("#opener").click()):
        change()
        for width in (320, 375, 768, 1024, 1440, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_alone_does_it_all(opened: Opened) -> None:
    page = opened()
    plain(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {
        *("theme", "BTC", "ETH", "symbol", "interval", "line-sma", "chart", "capability", "parameters"),
        *("afresh", "ask-now", "ask-plan", "opener"),
    } <= reached
    page.locator("#opener").press("Enter")
    expect(page.locator("#status")).to_be_visible()


def test_a_theme_is_chosen_and_remembered(opened: Opened) -> None:
    page = opened(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    for _ in range(2):
        page.locator("#theme").click()
    expect(page.locator("#theme-name")).to_have_text("dark")
    assert page.evaluate(ground) != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize(("wish", "moves"), [("reduce", "none"), ("no-preference", "slide")])
def test_what_slides_stands_still_for_who_wants_that(opened: Opened, wish: str, moves: str) -> None:
    page = opened("/#status", reduced_motion=wish)
    drawer = page.locator("#status")
    expect(drawer).to_be_visible()
    assert drawer.evaluate("(node) => getComputedStyle(node).animationName") == moves


def test_updates_shift_nothing(opened: Opened) -> None:
    page = opened(viewport=PHONE)
    plain(page)
    page.wait_for_load_state("networkidle")
    place = "document.getElementById('providers-title').getBoundingClientRect().top"
    before = page.evaluate(place)
    with page.expect_response("**/status.json"):
        pass
    with page.expect_response("**/status.json"):
        pass
    assert page.evaluate(place) == before


@THEMES
def test_the_reference_is_for_everybody_too(opened: Opened, theme: str) -> None:
    page = opened("/docs", viewport={"width": 320, "height": 800}, color_scheme=theme)
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.troubles == []
