"""What holds for every request and every response."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio
EVERYWHERE = ["/", "/v1/quotes?symbols=BTC", "/v1/quotes", "/nothing", "/static/page.css", "/api/health"]


@pytest.mark.parametrize("url", EVERYWHERE)
async def test_every_response_has_the_security_headers(client: Any, url: str) -> None:
    headers = (await client.get(url)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["x-request-id"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8000"])
async def test_loopback_names_are_answered_with_any_port(client: Any, host: str) -> None:
    assert (await client.get("/api/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost:x", "a@127.0.0.1", "", "[::1"]
)
async def test_other_names_are_refused_before_any_route(client: Any, host: str) -> None:
    reply = await client.get("/nothing", headers={"host": host})
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert "Host" in reply.json()["detail"]


async def test_two_host_headers_are_refused(client: Any) -> None:
    status, _ = await raw(client.app, [(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")])
    assert status == 400


async def test_no_host_header_is_refused(client: Any) -> None:
    assert (await raw(client.app, []))[0] == 400


async def test_a_websocket_of_another_name_is_closed_before_it_opens(client: Any) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws", "headers": [(b"host", b"evil.example")], "query_string": b""}
    await client.app(scope, None, send)
    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]


async def test_a_url_beyond_8_kb_is_414(client: Any) -> None:
    assert (await client.get("/v1/quotes?symbols=" + "A," * 5000)).status_code == 414


@pytest.mark.parametrize("length", [b"65537", b"9" * 40, b"-1", b"many"])
async def test_a_body_beyond_64_kb_is_413(client: Any, length: bytes) -> None:
    assert (await raw(client.app, [(b"host", b"localhost"), (b"content-length", length)]))[0] == 413


async def test_a_sane_request_id_is_taken_over(client: Any) -> None:
    reply = await client.get("/api/health", headers={"x-request-id": "trace-1.b_2"})
    assert reply.headers["x-request-id"] == "trace-1.b_2"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "<script>", ""])
async def test_any_other_request_id_is_replaced(client: Any, given: str) -> None:
    ids = [
        (await client.get("/api/health", headers={"x-request-id": given})).headers["x-request-id"]
        for _ in "ab"
    ]
    assert given not in ids
    assert ids[0] != ids[1]


async def test_head_is_get_without_the_body(client: Any) -> None:
    reply = await client.head("/v1/quotes?symbols=BTC")
    assert reply.status_code == 200
    assert reply.content == b""
    assert int(reply.headers["content-length"]) > 100


async def test_a_request_is_one_line_without_its_query_string(lines: list[Any], client: Any) -> None:
    await client.get("/v1/candles/BTC?limit=3", headers={"x-request-id": "one"})
    told = [line for line in lines if line["event"] == "request"]
    assert len(told) == 1
    line = told[0]
    assert (line["method"], line["route"], line["status"], line["id"]) == (
        "GET",
        "/v1/candles/{symbol}",
        200,
        "one",
    )
    assert line["ms"] >= 0
    assert "limit" not in str(line)


async def test_a_path_that_is_none_is_told_as_no_route(lines: list[Any], client: Any) -> None:
    await client.get("/nothing/SECRET")
    assert [line["route"] for line in lines if line["event"] == "request"] == ["-"]
    assert "SECRET" not in str(lines)


async def raw(app: Any, headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """One request as a server hands it over."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/health",
        "raw_path": b"/api/health",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
    }
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]
