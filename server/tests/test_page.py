"""The first page, as it comes without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux import UpstreamDown
from feedmux.settings import EngineSettings, Sandbox

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
        text = (await client.get(path)).text.replace("http://www.w3.org/2000/svg", "")
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
