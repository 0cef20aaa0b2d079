"""The candle chart, and what there is in its place."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import Opened

COLOURS = """(place) => {
  const colours = new Set();
  for (const canvas of place.querySelectorAll("canvas")) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
  }
  return [...colours];
}"""
UP, DOWN = "10,112,64", "180,35,50"


def drawn(page: Any) -> Any:
    """The page once candles are there."""
    expect(page.locator("#candles tbody tr")).to_have_count(24)
    expect(page.locator("#reading b")).to_have_count(5)
    return page


@pytest.fixture(scope="module")
def page(opened_once: Opened) -> Any:
    """A page that is only looked at."""
    return drawn(opened_once(color_scheme="light"))


def test_candles_are_drawn_in_both_colours(page: Any) -> None:
    page.wait_for_function(f"({COLOURS})(document.getElementById('chart')).includes('{UP}')")
    assert {UP, DOWN} <= set(page.locator("#chart").evaluate(COLOURS))


def test_the_newest_candles_stand_in_a_table(page: Any) -> None:
    page.locator("#candles summary").click()
    expect(page.locator("#candles tbody th").first).to_contain_text("(running)")
    close = page.locator('#candles tbody tr:first-child [data-cell="close"]').inner_text()
    assert close == page.locator("#reading b").nth(3).inner_text()


def test_one_sentence_describes_it(page: Any) -> None:
    expect(page.locator("#chart-summary")).to_contain_text("BTC by 1h, 200 candles from ")
    assert page.locator("#chart").get_attribute("aria-describedby") == "chart-summary"


def test_a_row_of_the_prices_picks_the_coin(opened: Opened) -> None:
    page = drawn(opened())
    page.get_by_role("button", name="ETH", exact=True).click()
    expect(page.locator("#chart-summary")).to_contain_text("ETH by 1h")
    expect(page.locator("#symbol")).to_have_value("ETH")


def test_arrow_keys_scroll_it(opened: Opened) -> None:
    page = drawn(opened())
    before = page.locator("#chart").screenshot()
    for _ in range(3):
        page.locator("#chart").press("ArrowLeft")
    assert page.locator("#chart").screenshot() != before


def test_tradingview_is_named(page: Any) -> None:
    link = page.get_by_role("link", name="TradingView")
    expect(link).to_have_attribute("href", "https://www.tradingview.com/")


def test_without_its_library_the_table_is_open_and_the_page_says_why(opened: Opened) -> None:
    page = drawn(
        opened(prepare=lambda page: page.route("**/lightweight-charts.mjs", lambda route: route.abort()))
    )
    expect(page.locator("#chart")).to_contain_text("could not be read")
    expect(page.locator("#candles tbody tr").first).to_be_visible()
