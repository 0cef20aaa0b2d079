"""What an attacker may try, and what comes of it: the claims of docs/threats.md that nothing else here shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from structlog.testing import capture_logs

from feedmux import Settings, hookimpl
from feedmux.registry import Registry
from feedmux.settings import ServerSettings, load, settings_from
from feedmux.transport import Incoming, Outgoing
from feedmux_server import create_app

CANARY = "CANARY-4b1d77c0"
CHANGES_NOTHING = {"GET", "HEAD", "OPTIONS"}


def installed() -> Registry:
    registry = Registry()
    registry.load_installed()
    return registry


REGISTRY = installed()


def test_a_name_in_the_allow_list_that_is_not_installed_is_told_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = next(iter(REGISTRY.providers))
    monkeypatch.setenv("FEEDMUX_PLUGINS", name[:-1] + "x")
    with capture_logs() as lines:
        registry = installed()

    assert registry.providers == {}
    (said,) = [line["event"] for line in lines]
    assert f"did you mean {name}?" in said


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, True), (0o644, True)])
def test_a_file_with_keys_that_others_may_read_is_told(mode: int, told: bool, tmp_path: Path) -> None:
    file = tmp_path / "feedmux.toml"
    file.write_text(f'[providers.one]\napi_key = "{CANARY}"\n', encoding="utf-8")
    file.chmod(mode)
    with capture_logs() as lines:
        load(file, {})

    assert any("chmod 600" in line["event"] for line in lines) is told
    assert CANARY not in repr(lines)


def test_a_file_without_keys_may_be_read_by_anybody(tmp_path: Path) -> None:
    file = tmp_path / "feedmux.toml"
    file.write_text("[engine]\ndeadline = 3\n", encoding="utf-8")
    file.chmod(0o644)
    with capture_logs() as lines:
        load(file, {})

    assert lines == []


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert ServerSettings().host == "127.0.0.1"
    assert Settings().server.host == "127.0.0.1"


class Echo:
    """Every upstream refuses, and repeats the key that it was sent."""

    simulated = False

    @hookimpl
    def feedmux_transport(self, provider: str) -> Echo:
        return self

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, outgoing: Outgoing) -> Incoming:
        said = f"{outgoing.secret_params} {dict(outgoing.headers)}"
        self.sent.append(said)
        return Incoming(500, {}, said.encode())

    async def aclose(self) -> None: ...


def application(echo: Echo) -> Litestar:
    keyed = {name: {"api_key": CANARY} for name in REGISTRY.providers if _takes_key(name)}
    assert keyed
    chosen = settings_from({"providers": keyed, "server": {"admin_token": CANARY}}, {})
    plugins = {name: REGISTRY._plugins[name] for name in REGISTRY.providers}
    return create_app(chosen, plugins=plugins, extensions={"echo": echo}, seed=1)


def _takes_key(name: str) -> bool:
    upstream = REGISTRY.providers[name].upstream
    return upstream is not None and upstream.key is not None


@pytest.mark.anyio
async def test_every_route_that_changes_something_is_public_on_purpose_or_guarded() -> None:
    app = application(Echo())
    async with app.lifespan():
        open_to_all = {
            handler_path(route)
            for route in app.routes
            for handler in getattr(route, "route_handlers", ())
            if not handler.http_methods <= CHANGES_NOTHING and not handler.resolve_guards()
        }

    assert open_to_all == PUBLIC_POSTS


def handler_path(route: object) -> str:
    return str(getattr(route, "path", ""))


PUBLIC_POSTS = {"/api/sentiment/analyze", "/api/v1/hf/sentiment", "/api/v1/hf/sentiment/batch"}
"""They take a text and give its sentiment: nothing is kept of it."""


@pytest.mark.long
@pytest.mark.anyio
async def test_no_page_answer_or_metric_shows_a_key() -> None:
    echo = Echo()
    app = application(echo)
    async with (
        app.lifespan(),
        AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        paths = sorted({route.path for route in app.routes if "{" not in route.path})
        with capture_logs() as lines:
            shown = [(path, (await client.get(path)).text) for path in [*paths, "/v1/gas?chain=ethereum"]]

    assert len(shown) > 20
    assert any(CANARY in said for said in echo.sent)
    assert [path for path, text in shown if CANARY in text] == []
    assert CANARY not in repr(lines)
