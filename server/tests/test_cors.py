"""Pages of other origins: which may read the answers."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux.settings import ServerSettings, settings_from

pytestmark = pytest.mark.anyio
URL, APP = "/v1/quotes?symbols=BTC", "https://app.example"
ASKS = {"origin": APP, "access-control-request-method": "GET"}
OPEN = "access-control-allow-origin"


async def test_by_default_no_other_page_may(client: Any) -> None:
    reply = await client.get(URL, headers={"origin": APP})
    assert not [name for name in reply.headers if name.startswith("access-control")]
    asked = await client.options(URL, headers=ASKS)
    assert OPEN not in asked.headers


async def test_a_listed_origin_may_and_no_other(serving: Any) -> None:
    async with serving(server=ServerSettings(cors_origins=(APP,))) as client:
        reply = await client.get(URL, headers={"origin": APP})
        assert (reply.headers[OPEN], reply.headers["vary"]) == (APP, "origin")
        assert "x-feedmux-source" in reply.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in reply.headers
        for other in ("https://app.example.evil.example", "https://evil.example", "null"):
            refused = await client.get(URL, headers={"origin": other})
            assert OPEN not in refused.headers
            assert refused.headers["vary"] == "origin"
        assert (await client.get(URL)).headers["vary"] == "origin"


async def test_errors_can_be_read_too(serving: Any) -> None:
    server = ServerSettings(cors_origins=(APP,), client_limit=1)
    async with serving(server=server) as client:
        for status in (404, 429):
            reply = await client.get("/nothing", headers={"origin": APP})
            assert (reply.status_code, reply.headers[OPEN]) == (status, APP)


async def test_a_browser_that_asks_first_is_told(serving: Any) -> None:
    async with serving(server=ServerSettings(cors_origins=(APP,))) as client:
        reply = await client.options(URL, headers=ASKS)
        assert (reply.status_code, reply.headers[OPEN]) == (204, APP)
        assert "authorization" not in reply.headers["access-control-allow-headers"]
        refused = await client.options(URL, headers={**ASKS, "origin": "https://evil.example"})
        assert OPEN not in refused.headers


async def test_all_origins_may_where_the_operator_says_so(serving: Any) -> None:
    async with serving(server=ServerSettings(cors_origins=("*",))) as client:
        reply = await client.get(URL, headers={"origin": "https://any.example"})
        assert reply.headers[OPEN] == "*"


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "https://*.example", "null", ""])
def test_what_is_no_origin_is_a_wrong_setting(origin: str) -> None:
    with pytest.raises(Exception, match=r"server\.cors_origins"):
        settings_from({"server": {"cors_origins": [origin]}}, {})
