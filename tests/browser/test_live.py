"""What is on the page stays current, and each figure is what the server said."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import Opened


def price(page: Any, symbol: str = "BTC") -> Any:
    return page.locator(f'#prices [data-symbol="{symbol}"] [data-cell="price"]')


@pytest.fixture(scope="module", autouse=True)
def left_open(opened_once: Opened) -> tuple[Any, str]:
    """A page that stays open while the other tests run, and BTC's price as it came."""
    page = opened_once()
    return page, price(page).inner_text()


def test_each_price_has_a_source_and_an_age(opened: Opened) -> None:
    row = opened().locator('#prices [data-symbol="BTC"]')
    expect(row.locator("time")).to_contain_text(" s ago")
    assert row.locator('[data-cell="source"]').inner_text() not in ("", "–")


def test_without_a_stream_prices_are_asked_for(opened: Opened) -> None:
    page = opened(prepare=lambda page: page.route_web_socket("**/v1/stream*", lambda socket: socket.close()))
    with page.expect_response("**/v1/quotes?*") as heard:
        pass
    shown = {quote["symbol"]: quote["price"] for quote in heard.value.json()["items"]}
    expect(price(page)).to_have_text(f"{shown['BTC']:,.2f}")


def test_the_gauge_shows_the_index(opened: Opened) -> None:
    page = opened()
    page.wait_for_selector("#mood .value")
    said = page.evaluate("fetch('/v1/fear-greed?limit=30').then((reply) => reply.json())")["items"][-1]
    expect(page.locator("#mood .value")).to_have_text(str(said["value"]))
    expect(page.locator("#mood .word")).to_have_text(said["classification"].replace("_", " "))


def test_the_consensus_names_every_voice(opened: Opened) -> None:
    page = opened()
    expect(page.locator("#spread circle").first).to_be_visible()
    with page.expect_response("**/v1/quotes?symbols=BTC&cross_check=true") as heard:
        page.locator("#spread-again").click()
    crossed = heard.value.json()["crossed"]["BTC"]
    expect(page.locator("#spread circle")).to_have_count(len(crossed["voices"]))
    for voice in crossed["voices"]:
        expect(page.locator("#spread .spread-list")).to_contain_text(f"{voice['price']:,.2f}")


def test_a_provider_that_is_closed_counts_down(opened: Opened) -> None:
    def closed(route: Any) -> None:
        pulse = route.fetch().json()
        pulse["providers"][0] |= {"state": "throttled", "cause": "429", "wait": 72.0}
        route.fulfill(body=json.dumps(pulse), content_type="application/json")

    row = (
        opened(prepare=lambda page: page.route("**/status.json", closed)).locator("#providers tbody tr").first
    )
    expect(row).to_have_attribute("data-state", "throttled")
    expect(row.locator('[data-cell="wait"]')).to_have_text("1 min 12 s left")


def test_prices_that_nobody_gives_are_left_empty_and_said(opened: Opened) -> None:
    problem = {"title": "No provider can answer", "detail": "all are closed", "status": 503}

    def refused(route: Any) -> None:
        route.fulfill(status=503, body=json.dumps(problem), content_type="application/problem+json")

    def prepare(page: Any) -> None:
        page.route("**/v1/quotes?*", refused)
        page.route_web_socket("**/v1/stream*", lambda socket: socket.close())

    page = opened(prepare=prepare)
    expect(page.locator("#trouble")).to_have_text("No provider can answer: all are closed")


def test_why_the_stream_has_no_price_is_said(opened: Opened) -> None:
    failure = {
        "type": "error",
        "topic": "quotes?symbols=BTC&vs=USD",
        "title": "No provider",
        "detail": "all are closed",
    }

    def spoken(socket: Any) -> None:
        socket.send(json.dumps({"type": "subscribed", "id": "prices", "epoch": "e", "topics": []}))
        socket.send(json.dumps(failure))

    page = opened(prepare=lambda page: page.route_web_socket("**/v1/stream*", spoken))
    expect(page.locator("#trouble")).to_have_text("No provider: all are closed")


def test_a_question_is_explained_by_a_picture_and_its_steps(opened: Opened) -> None:
    page = opened()
    expect(page.locator("#verdict")).to_have_text("Planned only: nobody was asked.")
    page.locator("#parameters").fill("symbols=XRP")
    page.locator("#afresh").check()
    with page.expect_response("**/v1/explain/quotes?*max_age=0") as heard:
        page.locator("#ask-now").click()
    trace = heard.value.json()["trace"]
    expect(page.locator("#steps tr")).to_have_count(len(trace))
    tried = next(step for step in trace if step["event"] == "tried")
    expect(page.locator("#route svg")).to_have_attribute("aria-label", re.compile(re.escape(tried["member"])))
    expect(page.locator("#curl")).to_contain_text("/v1/query/quotes?symbols=XRP&max_age=0")


def test_without_javascript_the_tables_are_there(opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    assert price(page).inner_text() not in ("", "–")
    assert page.locator("#providers tbody tr").count() > 5
    expect(page.locator("#opener")).to_be_hidden()


def test_where_nobody_can_answer_the_page_says_so(opened: Opened) -> None:
    def blocked(route: Any) -> None:
        pulse = route.fetch().json()
        for one in pulse["providers"]:
            one |= {"state": "blocked", "cause": "it failed five times in a row"}
        route.fulfill(body=json.dumps(pulse), content_type="application/json")

    page = opened(prepare=lambda page: page.route("**/status.json", blocked))
    expect(page.locator("#none-well")).to_be_visible()
    expect(page.locator("#summary")).to_have_text(re.compile("^0 of "))
    expect(page.locator("#announced")).to_have_text(re.compile("^0 of "))


def test_where_no_provider_is_installed_the_page_says_so(opened: Opened) -> None:
    def bare(route: Any) -> None:
        route.fulfill(
            body=json.dumps(route.fetch().json() | {"providers": []}), content_type="application/json"
        )

    page = opened(prepare=lambda page: page.route("**/status.json", bare))
    expect(page.locator("#no-provider")).to_be_visible()
    expect(page.locator("#providers tbody tr")).to_have_count(0)


def test_a_price_changes_by_itself(left_open: tuple[Any, str]) -> None:
    page, before = left_open
    expect(price(page)).not_to_have_text(before, timeout=25_000)
