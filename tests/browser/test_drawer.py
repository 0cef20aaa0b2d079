"""The status drawer: how it opens and closes, where the focus is, and what it lists."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import DESK, PHONE, Opened
from .served import BROKEN, REASON, TOKEN, Served, installed

SECTIONS = [
    "All Providers",
    "AI Models",
    "Infrastructure",
    "Resource Breakdown",
    "Recent Errors",
    "Performance",
]
WINDOWS = pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])


@pytest.fixture(scope="module")
def drawer(opened_once: Opened) -> Any:
    """A page with an open drawer that is only looked at."""
    page = opened_once("/#status")
    expect(page.locator("#fold-providers .row").first).to_be_visible()
    return page


def focused(page: Any) -> str:
    found: str = page.evaluate("document.activeElement.id")
    return found


@WINDOWS
def test_it_opens_takes_the_focus_and_gives_it_back_on_escape(opened: Opened, viewport: Any) -> None:
    page = opened(viewport=viewport)
    opener, drawer = page.locator("#opener"), page.locator("#status")
    opener.click()
    expect(drawer).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    assert focused(page) == "drawer-title"
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(opener).to_have_attribute("aria-expanded", "false")
    assert focused(page) == "opener"


def test_close_closes_it(opened: Opened) -> None:
    page = opened("/#status")
    page.locator("#drawer-close").click()
    expect(page.locator("#status")).to_be_hidden()
    expect(page).to_have_url(re.compile("/$"))


def test_a_link_and_a_key_open_it(opened: Opened) -> None:
    page = opened("/#status")
    expect(page.locator("#status")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#opener")).to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#status")).to_be_visible()


def test_the_key_types_an_s_where_somebody_types(opened: Opened) -> None:
    page = opened()
    field = page.locator("#parameters")
    expect(field).to_be_visible()
    field.press("s")
    expect(field).to_have_value(re.compile("ss"))
    expect(page.locator("#status")).to_be_hidden()


def test_above_the_page_it_keeps_the_focus_inside(opened: Opened) -> None:
    page = opened("/#status", viewport=PHONE)
    expect(page.locator("#fold-providers .row").first).to_be_visible()
    stops = page.locator("#status").evaluate(
        "(node) => node.querySelectorAll('button, a, input, select, summary').length"
    )
    for key in ("Tab", "Shift+Tab"):
        for _ in range(stops + 3):
            page.keyboard.press(key)
            assert page.evaluate("document.activeElement.closest('#status') !== null")


def test_it_is_400_pixels_wide_at_the_right(drawer: Any) -> None:
    box = drawer.locator("#status").bounding_box()
    assert (box["width"], box["x"] + box["width"], box["height"]) == (400, DESK["width"], DESK["height"])


def test_six_sections_in_order_of_which_errors_are_folded(drawer: Any) -> None:
    buttons = drawer.locator("#status .fold h3 button")
    assert [text.split("\n")[0] for text in buttons.all_inner_texts()] == SECTIONS
    states = [button.get_attribute("aria-expanded") for button in buttons.all()]
    assert states == ["true", "true", "true", "true", "false", "true"]


def test_a_heading_folds_and_unfolds_its_section(opened: Opened) -> None:
    page = opened("/#status")
    button = page.get_by_role("button", name="Recent Errors")
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#fold-errors")).to_be_visible()
    button.press("Space")
    expect(page.locator("#fold-errors")).to_be_hidden()


def test_refresh_asks_again(opened: Opened) -> None:
    page = opened("/#status")
    expect(page.locator("#fold-providers .row").first).to_be_visible()
    with page.expect_request("**/api/system/status"):
        page.locator("#drawer-refresh").click()


def test_every_loaded_plugin_is_listed_with_its_distribution(drawer: Any) -> None:
    rows = drawer.locator('#fold-providers [data-part="loaded"] .row')
    expect(rows).to_have_count(len(installed()) + 1)  # one distribution brings two
    listed = {re.split(r" \d", text)[0] for text in rows.locator("p:nth-child(2)").all_inner_texts()}
    assert listed == installed()


def test_a_strip_shows_how_a_provider_was_in_the_last_day(drawer: Any) -> None:
    asked = drawer.evaluate("fetch('/status.json').then((reply) => reply.json())")["history"]
    name, periods = next((name, periods) for name, periods in asked.items() if periods)
    strip = drawer.locator(f'#fold-providers [data-key="{name}"] .strip')
    expect(strip).to_have_attribute(
        "aria-label", re.compile(r"^Last 24 hours: \d+ calls ended well, 0 badly$")
    )
    expect(strip.locator(".well")).to_have_count(len(periods))


def test_a_plugin_that_cannot_be_loaded_is_listed_with_the_reason(drawer: Any) -> None:
    row = drawer.locator('#fold-providers [data-part="aside"] .row')
    expect(row).to_be_visible()
    expect(row).to_contain_text(BROKEN)
    expect(row).to_contain_text("feedmux-broken 1.2.3")
    expect(row).to_contain_text(REASON)


def test_what_an_operator_should_know_of_a_plugin_stands_in_its_row(opened: Opened) -> None:
    note = "changed on disk: restart to load it"

    def noted(route: Any) -> None:
        found = route.fetch()
        pulse = found.json()
        for one in pulse["providers"]:
            one["notes"] = [note]
        route.fulfill(response=found, json=pulse)

    page = opened("/#status")
    rows = page.locator("#fold-providers")
    expect(rows.locator(".row").first).to_be_visible()
    expect(rows.locator('[data-cell="notes"]').first).to_be_hidden()
    page.route("**/status.json", noted)
    page.locator("#drawer-refresh").click()
    expect(rows.locator('[data-part="loaded"] [data-cell="notes"]').first).to_have_text(note)
    expect(rows.locator('[data-part="aside"] .row').first).to_contain_text(note)


def test_why_the_store_is_of_no_use_stands_beside_its_name(opened: Opened) -> None:
    def away(route: Any) -> None:
        found = route.fetch()
        route.fulfill(response=found, json=found.json() | {"degraded": "it cannot be reached"})

    page = opened("/#status")
    expect(page.locator("#fold-infrastructure")).to_contain_text("sqlite")
    page.route("**/status.json", away)
    page.locator("#drawer-refresh").click()
    expect(page.locator("#fold-infrastructure")).to_contain_text("sqlite: it cannot be reached")


def test_it_is_what_a_screen_reader_is_told(drawer: Any) -> None:
    expect(drawer.locator("#status")).to_match_aria_snapshot("""
      - dialog "Status":
        - heading "Status" [level=2]
        - button "Refresh"
        - button "Close"
        - heading /All Providers/ [level=3]
        - list
        - heading "Could not be loaded" [level=4]
        - list
        - heading /AI Models/ [level=3]
        - heading /Infrastructure/ [level=3]
        - heading /Resource Breakdown/ [level=3]
        - heading /Recent Errors/ [level=3]
        - heading /Performance/ [level=3]
    """)


def test_it_and_the_page_come_back_after_the_server_does(opened: Opened, alone: Served) -> None:
    page = opened("/#status", url=alone.url)
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    alone.stop()
    expect(page.locator("#live")).to_have_attribute("data-live", "lost")
    expect(page.locator("#live")).to_contain_text("reconnecting")
    expect(page.locator("#status")).to_be_visible()
    alone.start()
    expect(page.locator("#live")).to_have_attribute("data-live", "live", timeout=30_000)
    expect(page.locator("#drawer-trouble")).to_be_hidden(timeout=10_000)


def test_administration_asks_twice_and_needs_the_token(opened: Opened) -> None:
    page = opened("/#status")
    page.locator("#admin summary").click()
    told = page.locator("#admin [role=status]")
    button = page.get_by_role("button", name="Empty the cache")
    page.locator("#admin-token").fill("wrong")
    button.click()
    expect(told).to_contain_text("Press again")
    button.click()
    expect(told).not_to_contain_text("Press again")
    expect(told).not_to_contain_text("done")
    page.locator("#admin-token").fill(TOKEN)
    button.click()
    button.click()
    expect(told).to_contain_text("done")
