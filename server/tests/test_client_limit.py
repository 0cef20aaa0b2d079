"""How much one client may ask, and who counts as one."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux.settings import ServerSettings
from feedmux.virtual import virtual_clock
from feedmux_server.client import Clients, shared_by
from feedmux_server.client_limit import ClientLimit, client_limit

pytestmark = pytest.mark.anyio
QUOTES = "/v1/quotes?symbols=BTC"


async def statuses(client: Any, times: int, url: str = QUOTES, **headers: str) -> list[int]:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return [(await client.get(url, headers=given)).status_code for _ in range(times)]


async def test_past_its_limit_a_client_gets_429_and_is_told_when_to_come_back(serving: Any) -> None:
    async with serving(server=ServerSettings(client_limit=3)) as client:
        assert await statuses(client, 3) == [200, 200, 200]
        await virtual_clock().sleep(20)
        reply = await client.get(QUOTES)
        assert reply.status_code == 429
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["type"] == "urn:feedmux:problem:too-many-requests"
        assert reply.json()["retry_after"] == int(reply.headers["retry-after"]) == 40
        assert reply.headers["ratelimit-remaining"] == "0"
        await virtual_clock().sleep(40)
        assert await statuses(client, 1) == [200]


async def test_every_answer_tells_what_is_left(serving: Any) -> None:
    async with serving(server=ServerSettings(client_limit=3)) as client:
        headers = (await client.get(QUOTES)).headers
        told = [headers[f"ratelimit-{name}"] for name in ("policy", "limit", "remaining", "reset")]
        assert told == ["3;w=60", "3", "2", "60"]


async def test_the_window_moves(serving: Any) -> None:
    async with serving(server=ServerSettings(client_limit=2)) as client:
        await client.get(QUOTES)
        await virtual_clock().sleep(40)
        await client.get(QUOTES)
        await virtual_clock().sleep(21)
        assert await statuses(client, 2) == [200, 429]


async def test_who_is_refused_is_not_kept_out_longer_for_asking(serving: Any) -> None:
    async with serving(server=ServerSettings(client_limit=1)) as client:
        await client.get(QUOTES)
        for _ in range(6):
            await virtual_clock().sleep(9)
            assert await statuses(client, 1) == [429]
        await virtual_clock().sleep(7)
        assert await statuses(client, 1) == [200]


async def test_on_loopback_there_is_no_limit_by_default(client: Any) -> None:
    reply = await client.get(QUOTES)
    assert "ratelimit-limit" not in reply.headers


@pytest.mark.parametrize(
    ("host", "chosen", "limit"),
    [("0.0.0.0", None, 600), ("::1", None, None), ("127.0.0.1", 5, 5), ("0.0.0.0", 0, None)],
)
async def test_elsewhere_there_is_one(host: str, chosen: int | None, limit: int | None) -> None:
    found = client_limit(ServerSettings(host=host, client_limit=chosen), virtual_clock())
    assert (found.ask("a").limit if found else None) == limit


async def test_whoever_watches_over_the_process_is_not_counted(serving: Any) -> None:
    async with serving(server=ServerSettings(client_limit=1)) as client:
        assert await statuses(client, 3, "/readyz") == [200, 200, 200]
        assert await statuses(client, 3, "/livez") == [200, 200, 200]
        assert await statuses(client, 2) == [200, 429]


async def test_opening_a_websocket_counts(serving: Any) -> None:
    async with serving(server=ServerSettings(client_limit=1)) as client:
        await client.get(QUOTES)
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "websocket",
            "path": "/ws",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1),
        }
        await client.app(scope, None, send)
        assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1013)]


async def test_clients_behind_a_trusted_proxy_are_counted_apart(serving: Any) -> None:
    server = ServerSettings(client_limit=1, trusted_proxies=("127.0.0.1",))
    async with serving(server=server) as client:
        assert await statuses(client, 2, x_forwarded_for="198.51.100.1") == [200, 429]
        assert await statuses(client, 1, x_forwarded_for="198.51.100.2") == [200]


async def test_nobody_else_s_word_about_addresses_is_taken(serving: Any) -> None:
    async with serving(server=ServerSettings(client_limit=1)) as client:
        assert await statuses(client, 1, x_forwarded_for="198.51.100.1") == [200]
        assert await statuses(client, 1, x_forwarded_for="198.51.100.2") == [429]


async def test_memory_is_bounded_however_many_ask() -> None:
    limit = ClientLimit(5, virtual_clock(), remembered=100)
    for number in range(1000):
        limit.ask(f"198.51.{number // 250}.{number % 250}")
    assert limit.counted <= 101


async def test_who_was_quiet_is_forgotten() -> None:
    limit = ClientLimit(5, virtual_clock())
    limit.ask("198.51.100.1")
    await virtual_clock().sleep(121)
    limit.ask("198.51.100.2")
    assert limit.counted == 1


def test_one_subscriber_s_ipv6_addresses_are_one_client() -> None:
    assert shared_by("2001:db8:1:2::1") == shared_by("2001:db8:1:2:ffff::9") != shared_by("2001:db8:1:3::1")
    assert shared_by("198.51.100.1") != shared_by("198.51.100.2")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", ["<script>"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
    ],
)
def test_of_a_chain_of_proxies_the_last_that_is_not_ours_counts(
    peer: str, forwarded: list[str], client: str
) -> None:
    scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", text.encode()) for text in forwarded]}
    assert Clients(["10.0.0.0/8"]).address(scope) == client
