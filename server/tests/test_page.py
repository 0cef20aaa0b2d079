"""The first page, as it comes without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import RequestFactory

from feedmux import UpstreamDown
from feedmux.settings import EngineSettings, Sandbox
from feedmux_server.asset import CHART_LIBRARY, Assets
from feedmux_server.desk import Desk
from feedmux_server.page import SECTIONS, Page

ATTRIBUTION = "https://www.tradingview.com/"
"""The one address elsewhere: a link that the chart library's licence asks for."""

pytestmark = pytest.mark.anyio


async def test_the_page_is_a_table_of_prices_and_providers(client: Any) -> None:
    reply = await client.get("/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert 'data-symbol="BTC"' in reply.text
    assert ">100.00<" in reply.text
    assert "-1.50 %" in reply.text
    assert 'data-provider="alpha" data-state="open"' in reply.text


async def test_upstream_text_is_escaped(client: Any) -> None:
    page = (await client.get("/")).text
    assert "BTC &lt;coin&gt;" in page
    assert "<coin>" not in page


async def test_the_page_comes_without_prices_too(client: Any, wire: Any) -> None:
    wire.error = UpstreamDown("broke the connection")
    reply = await client.get("/")
    assert reply.status_code == 200
    assert "broke the connection" in reply.text


async def test_the_page_asks_nobody_else(client: Any) -> None:
    for path in ("/", "/docs", "/static/page.css", "/static/page.js"):
        text = (
            (await client.get(path)).text.replace("http://www.w3.org/2000/svg", "").replace(ATTRIBUTION, "")
        )
        assert "http://" not in text
        assert "https://" not in text


async def test_nothing_on_the_page_needs_inline_code_or_style(client: Any) -> None:
    for path in ("/", "/docs"):
        text = (await client.get(path)).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script type="module" src="/static/')


async def test_a_file_the_caller_has_is_not_sent_again(client: Any) -> None:
    first = await client.get("/static/page.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = await client.get("/static/page.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_a_file_is_packed_for_who_takes_it(client: Any) -> None:
    packed = await client.get("/static/page.css", headers={"accept-encoding": "br, gzip"})
    plain = await client.get("/static/page.css", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"


async def test_the_sandbox_is_said_on_the_page_and_nowhere_else(wire: Any, serving: Any) -> None:
    async with serving() as client:
        assert "Sandbox" not in (await client.get("/")).text
    wire.simulated = True
    async with serving(engine=EngineSettings(sandbox=Sandbox.ON)) as client:
        assert "Sandbox" in (await client.get("/")).text
        reply = await client.get("/v1/quotes?symbols=BTC")
        assert reply.headers["x-feedmux-sandbox"] == "true"
        assert reply.json()["sandbox"] is True
        assert (await client.get("/v1/providers")).json()["sandbox"] is True


def page_with(client: Any, folder: Path) -> Any:
    """The page of an installation whose static files are those of a folder."""
    page = Page(Desk(client.app.state.mux), Assets(folder))
    return page.serve(RequestFactory(app=client.app).get("/"))


async def test_where_the_chart_library_did_not_come_the_page_says_so(client: Any, tmp_path: Path) -> None:
    text = (await page_with(client, tmp_path)).content.decode()
    assert "The chart library did not come" in text
    assert CHART_LIBRARY not in text


async def test_where_the_chart_library_came_the_page_names_it_and_its_maker(
    client: Any, tmp_path: Path
) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / CHART_LIBRARY).write_text("export {};")
    text = (await page_with(client, tmp_path)).content.decode()
    assert f'data-library="/static/{CHART_LIBRARY}"' in text
    assert ATTRIBUTION in text


async def test_the_drawer_has_its_sections_in_order(client: Any) -> None:
    text = (await client.get("/")).text
    places = [text.index(f'data-section="{name}"') for name in SECTIONS]
    assert len(places) == 6
    assert places == sorted(places)


async def test_the_page_is_told_what_this_server_has(client: Any) -> None:
    text = (await client.get("/")).text
    offered = text.partition('data-offers="')[2].partition('"')[0].split()
    paths = {route.path_format for route in client.app.routes}
    assert ("stream" in offered) == ("/v1/stream" in paths)
    assert ("metrics" in offered) == ("/metrics" in paths)


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpage.py", "page.html", "%2e%2e"])
async def test_only_the_files_of_the_page_are_served(client: Any, name: str) -> None:
    assert (await client.get(f"/static/{name}")).status_code == 404


async def test_the_pulse_counts_what_happened(client: Any, wire: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    await client.get("/v1/quotes?symbols=BTC")
    pulse = (await client.get("/status.json")).json()
    assert pulse["counts"]["questions"] >= 1
    assert pulse["counts"]["requests"] == len(wire.asked) == 1
    assert pulse["counts"]["by_provider"] == {"alpha": 1}
    assert [one["name"] for one in pulse["providers"]] == ["alpha"]
    assert pulse["quota"][0]["used"] == 1
    assert pulse["quota"][0]["believed"] is None
    assert pulse["clock_ahead"] == 0.0
    assert [(one["well"], one["badly"]) for one in pulse["history"]["alpha"]] == [(1, 0)]


async def test_a_provider_has_a_badge_with_its_state(client: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    badge = await client.get("/badge/alpha.svg")
    assert badge.headers["content-type"].startswith("image/svg+xml")
    assert badge.headers["cache-control"] == "no-store"
    assert 'aria-label="alpha: open"' in badge.text


@pytest.mark.parametrize("file", ["nobody.svg", "alpha", "%3Cscript%3E.svg"])
async def test_who_is_no_provider_has_no_badge(client: Any, file: str) -> None:
    assert (await client.get(f"/badge/{file}")).status_code == 404
