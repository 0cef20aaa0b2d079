"""What an attacker may try, and what comes of it: the claims of docs/threats.md that nothing else here shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from httpx import ASGITransport, AsyncClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from litestar import Litestar
from structlog.testing import capture_logs

from feedmux import FeedmuxError, Settings, hookimpl
from feedmux.query import BUILT_IN
from feedmux.registry import Registry
from feedmux.request import Asked, Request
from feedmux.settings import ServerSettings, load, settings_from
from feedmux.transport import Incoming, Outgoing
from feedmux_server import create_app

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOST = "api.example"
CANARY = "CANARY-4b1d77c0"
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["BTC\r\nX: 1", "../../etc/passwd", "%00", "BTC&limit=9", "BTC#x", "@evil.example", "//evil.example"]
    ),
    st.from_regex(r"[A-Za-z0-9$._+:-]{1,50}", fullmatch=True),
)
CHANGES_NOTHING = {"GET", "HEAD", "OPTIONS"}


def installed() -> Registry:
    registry = Registry()
    registry.load_installed()
    return registry


REGISTRY = installed()


def requests_of(query: object) -> list[Request]:
    """What each installed plugin would send for it, by its own request function."""
    made = []
    for name, plugin in REGISTRY._plugins.items():
        build = getattr(plugin, "feedmux_request", None)
        if name in REGISTRY.providers and build is not None:
            try:
                made.append(build(asked=Asked(query, {}, "", AT)))
            except (FeedmuxError, ValueError, LookupError, TypeError, AttributeError):
                continue  # not its question, or one it refuses: nothing is sent
    return [request for request in made if request is not None]


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.capability)
@examples(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_in_a_question_leaves_its_place_in_an_upstream_address(
    kind: type, data: st.DataObject
) -> None:
    words: Mapping[str, list[str]] = {
        field: [data.draw(HOSTILE)] for field in kind.__struct_fields__ if data.draw(st.booleans())
    }
    try:
        query = kind.from_strings(words)
    except FeedmuxError:
        return
    for request in requests_of(query):
        url = urlsplit(f"https://{HOST}{request.target}")
        assert (url.netloc, url.fragment) == (HOST, "")
        assert all(" " < character <= "~" for character in request.target)
        assert ".." not in url.path
        assert [name for name, _ in parse_qsl(url.query, keep_blank_values=True)] == list(request.params)


@examples(derandomize=True, deadline=None)
@given(name=st.text(min_size=1, max_size=20), value=HOSTILE)
def test_whatever_a_plugin_puts_into_a_parameter_stays_there(name: str, value: str) -> None:
    url = urlsplit(f"https://{HOST}{Request('/x', {name: value}).target}")

    assert (url.netloc, url.path, url.fragment) == (HOST, "/x", "")
    assert parse_qsl(url.query, keep_blank_values=True) == [(name, value)]


def test_the_request_functions_of_the_installed_plugins_are_reached() -> None:
    quotes, greed = (kind for kind in BUILT_IN if kind.capability in ("quotes", "fear_greed"))
    assert requests_of(quotes.from_strings({"symbols": ["BTC"]}))
    assert requests_of(greed.from_strings({}))


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
