"""What an operator may do to the running server, and who is no operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from feedmux import Settings, SettingsError
from feedmux.secret import Secret
from feedmux.settings import EngineSettings, ServerSettings, settings_from
from feedmux.virtual import virtual_clock
from feedmux_server import create_app

pytestmark = pytest.mark.anyio
TOKEN = "a-token-of-the-operator"
BEARER = {"authorization": f"Bearer {TOKEN}"}
SERVER = ServerSettings(admin_token=Secret(TOKEN))
ROUTES = (
    "/v1/admin/cache/clear",
    "/v1/admin/reload",
    "/v1/admin/providers/alpha/disable",
    "/v1/admin/providers/alpha/enable",
    "/v1/admin/providers/alpha/reset",
)


class File:
    """The settings as they are written now."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"server": {"admin_token": TOKEN}}

    def read(self) -> Settings:
        return settings_from(self.document, {})


@pytest.fixture
def file() -> File:
    return File()


@pytest.fixture
async def operated(file: File, serving: Any) -> AsyncIterator[Any]:
    """A client of a server whose settings are that file."""
    async with serving("alpha", "beta", server=file.read().server, read=file.read) as client:
        yield client


@asynccontextmanager
async def nobody(serving: Any) -> AsyncIterator[Any]:
    async with serving(server=ServerSettings()) as client:
        yield client


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("given", [None, "", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"])
async def test_without_the_token_it_is_401_and_nothing_happens(
    operated: Any, path: str, given: str | None
) -> None:
    headers = [] if given is None else [(b"authorization", given.encode("latin-1"))]
    reply = await operated.post(path, headers=headers)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.headers["content-type"] == "application/problem+json"
    assert TOKEN not in reply.text
    assert operated.app.state.mux.switched == {}


@pytest.mark.parametrize("path", ROUTES)
async def test_where_no_token_is_configured_it_is_401_too(serving: Any, path: str) -> None:
    async with nobody(serving) as client:
        assert (await client.post(path, headers=BEARER)).status_code == 401
        assert (await client.post(path, headers={"authorization": "Bearer "})).status_code == 401


@pytest.mark.parametrize("path", ROUTES)
async def test_a_link_cannot_do_it(operated: Any, path: str) -> None:
    assert (await operated.get(path, headers=BEARER)).status_code == 405


async def test_answers_are_forgotten(operated: Any, wire: Any) -> None:
    await operated.get("/v1/quotes?symbols=BTC")
    assert (await operated.post("/v1/admin/cache/clear", headers=BEARER)).json() == {"cleared": 1}
    await operated.get("/v1/quotes?symbols=BTC")
    assert len(wire.asked) == 2


async def test_a_provider_is_disabled_and_enabled(operated: Any, wire: Any) -> None:
    reply = await operated.post("/v1/admin/providers/alpha/disable", headers=BEARER)
    assert (reply.status_code, reply.json()["state"]) == (200, "blocked")
    for symbol in "ABCD":
        await operated.get(f"/v1/quotes?symbols={symbol}")
    assert all("beta" in url for url in wire.asked)
    reply = await operated.post("/v1/admin/providers/alpha/enable", headers=BEARER)
    assert reply.json()["state"] == "unknown"


async def test_a_refusal_is_reset_by_force_only(operated: Any, wire: Any) -> None:
    wire.status = 429
    await operated.get("/v1/quotes?symbols=BTC&only=alpha")
    refused = await operated.post("/v1/admin/providers/alpha/reset", headers=BEARER)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:feedmux:problem:still-refused")
    forced = await operated.post("/v1/admin/providers/alpha/reset?force=true", headers=BEARER)
    assert (forced.status_code, forced.json()["state"]) == (200, "unknown")


@pytest.mark.parametrize("action", ["disable", "enable", "reset"])
async def test_a_provider_that_is_not_installed_is_404(operated: Any, action: str) -> None:
    reply = await operated.post(f"/v1/admin/providers/alhpa/{action}", headers=BEARER)
    assert reply.status_code == 404
    assert "did you mean alpha" in reply.json()["detail"]


async def test_a_parameter_that_is_none_is_400(operated: Any) -> None:
    reply = await operated.post("/v1/admin/providers/alpha/reset?forced=true", headers=BEARER)
    assert (reply.status_code, reply.json()["field"]) == (400, "forced")


async def test_a_reload_lets_new_settings_hold(operated: Any, file: File) -> None:
    file.document["providers"] = {"alpha": {"weight": 7}}
    file.document["engine"] = {"deadline": 2}
    reply = await operated.post("/v1/admin/reload", headers=BEARER)
    assert reply.json() == {"restart": [], "switched": {}}
    assert (await operated.get("/v1/providers")).json()["providers"][0]["weight"] == 7


async def test_a_reload_names_what_wants_a_restart(operated: Any, file: File) -> None:
    file.document["server"] |= {"port": 9000, "host": "::1"}
    file.document["engine"] = {"cache_size": 1000}
    reply = await operated.post("/v1/admin/reload", headers=BEARER)
    assert reply.json()["restart"] == ["server.host", "server.port", "engine.cache_size"]


async def test_settings_that_are_wrong_change_nothing_and_are_told(operated: Any, file: File) -> None:
    before = operated.app.state.mux.settings
    file.document["providers"] = {"alpha": {"wieght": 7}}
    reply = await operated.post("/v1/admin/reload", headers=BEARER)
    assert reply.status_code == 422
    assert "providers.alpha.wieght: is not known; did you mean weight?" in reply.json()["detail"]
    assert operated.app.state.mux.settings is before


async def test_the_token_itself_can_be_changed(operated: Any, file: File) -> None:
    file.document["server"]["admin_token"] = "another"
    await operated.post("/v1/admin/reload", headers=BEARER)
    assert (await operated.post("/v1/admin/reload", headers=BEARER)).status_code == 401
    again = await operated.post("/v1/admin/reload", headers={"authorization": "bearer another"})
    assert again.status_code == 200


async def test_a_signal_s_reload_that_fails_is_logged_and_ends_nothing(
    operated: Any, file: File, lines: list[Any]
) -> None:
    file.document["providers"] = {"alpha": {"weight": -1}}
    operated.app.state.control.begin_reload()
    await virtual_clock().sleep(0.1)
    (line,) = (line for line in lines if line["event"] == "not reloaded")
    assert "providers.alpha.weight" in line["reason"]
    assert (await operated.get("/readyz")).status_code == 200


async def test_who_did_what_is_logged(operated: Any, lines: list[Any]) -> None:
    await operated.post("/v1/admin/providers/alpha/disable", headers=BEARER)
    await operated.post("/v1/admin/reload", headers={"authorization": "Bearer guessed"})
    told = [(line["event"], line["path"], line["client"]) for line in lines if "admin" in line["event"]]
    assert told == [
        ("admin", "/v1/admin/providers/alpha/disable", "127.0.0.1"),
        ("admin refused", "/v1/admin/reload", "127.0.0.1"),
    ]
    assert TOKEN not in str(lines)
    assert "guessed" not in str(lines)


async def test_without_a_file_a_reload_finds_what_was_given(serving: Any) -> None:
    async with serving(server=SERVER, engine=EngineSettings(deadline=2.0)) as client:
        reply = await client.post("/v1/admin/reload", headers=BEARER)
        assert reply.json() == {"restart": [], "switched": {}}


def test_a_proxy_that_is_no_network_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match=r"server\.trusted_proxies"):
        create_app(Settings(server=ServerSettings(trusted_proxies=("nginx",))))


async def guess(client: Any, token: str) -> Any:
    return await client.post(ROUTES[0], headers={"authorization": f"Bearer {token}"})


async def test_ten_wrong_tokens_in_a_minute_are_all_that_is_heard_and_then_not_the_right_one_either(
    operated: Any,
) -> None:
    answers = [(await guess(operated, f"guess-{n}")).status_code for n in range(12)]
    right = await operated.post(ROUTES[0], headers=BEARER)
    assert answers == [401] * 10 + [429] * 2
    assert (right.status_code, right.json()["type"]) == (429, "urn:feedmux:problem:too-many-requests")
    await virtual_clock().sleep(float(right.headers["retry-after"]))
    assert (await operated.post(ROUTES[0], headers=BEARER)).status_code == 200


async def test_who_shows_no_token_guesses_nothing_and_the_right_one_is_heard_as_often_as_it_comes(
    operated: Any,
) -> None:
    for _ in range(12):
        assert (await operated.post(ROUTES[0])).status_code == 401
    for _ in range(12):
        assert (await operated.post(ROUTES[0], headers=BEARER)).status_code == 200


async def test_a_wrong_token_is_answered_alike_whatever_its_length_and_however_much_of_it_is_right(
    operated: Any,
) -> None:
    wrong = [TOKEN[:n] for n in range(1, len(TOKEN))] + [TOKEN + "x", TOKEN[::-1], "x" * 4000, TOKEN.upper()]
    seen = set()
    for token in wrong:
        reply = await guess(operated, token)
        seen.add((reply.status_code, reply.text, reply.headers.get("www-authenticate")))
        await virtual_clock().sleep(61)
    assert len(seen) == 1
