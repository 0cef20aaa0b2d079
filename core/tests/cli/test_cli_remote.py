"""The command line asking a running server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from click.testing import CliRunner, Result

from feedmux import Answer, Missing, Quote, Quotes
from feedmux.breaker import State
from feedmux.cli.root import root
from feedmux.event import Answered, Reason, Skipped
from feedmux.limits import Counts
from feedmux.status import LedgerRow, ProviderStatus

ANSWER: Answer[Quote] = Answer(
    Quotes(["BTC", "NOPE"]),
    (Quote(symbol="BTC", price=96_385.12, provider="far_away"),),
    {"NOPE": Missing("unknown-symbol", "NOPE is unknown to far_away")},
    ("Far away",),
)
PROBLEM = {
    "type": "urn:feedmux:problem:no-provider",
    "title": "No provider can answer now",
    "status": 503,
    "detail": "far_away: closed",
    "instance": "/v1/query/quotes",
    "retry_after": 29,
}
TRACE = [
    Skipped(at=1.0, member="far_away", reason=Reason.CLOSED, wait=29.0),
    Answered(at=1.0, capability="quotes", source="flight", seconds=0.0, items=0),
]
STATES = {
    "providers": [
        ProviderStatus(
            name="far_away", distribution="d", version="1", state=State.THROTTLED, wait=43.0, cause="429"
        )
    ],
    "sandbox": False,
}
LEDGER = [
    LedgerRow(
        pool="far_away", limit=10, per=60.0, counts=Counts.COST, used=10, used_upstream=9, left=0, reset=12.0
    )
]
PAGES: dict[str, tuple[int, Any]] = {
    "/v1/query/quotes": (200, ANSWER.document()),
    "/v1/query/candles": (503, PROBLEM),
    "/v1/explain/quotes": (200, {"answer": None, "error": PROBLEM, "trace": TRACE}),
    "/v1/providers": (200, STATES),
    "/v1/quota": (200, {"quota": LEDGER}),
}


class Served:
    """A server that answers from a table and remembers what it was asked."""

    def __init__(self, pages: dict[str, tuple[int, Any]]) -> None:
        asked = self.asked = list[Any]()

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked.append((parts.path, parse_qs(parts.query)))
                status, document = pages.get(parts.path, (404, {"title": "Not Found"}))
                body = document if isinstance(document, bytes) else msgspec.json.encode(document)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(pages: dict[str, tuple[int, Any]]) -> Iterator[Served]:
    served = Served(pages)
    thread = threading.Thread(target=served.http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        served.http.shutdown()
        thread.join()
        served.http.server_close()


@pytest.fixture
def server() -> Iterator[Served]:
    with serving(PAGES) as served:
        yield served


@pytest.fixture
def ask(server: Served) -> Callable[..., Result]:
    return lambda *args: CliRunner().invoke(root, ["--server", server.url, *args])


def test_an_answer_is_the_servers(ask: Any, server: Served) -> None:
    result = ask("get", "quotes", "BTC", "NOPE", "--max-age", "0", "--only", "far_away", "--only", "b")
    assert json.loads(result.stdout) == json.loads(msgspec.json.encode(ANSWER.document()))
    assert result.exit_code == 5
    params = {"symbols": ["BTC", "NOPE"], "max_age": ["0.0"], "only": ["far_away,b"]}
    assert server.asked == [("/v1/query/quotes", params)]


def test_a_cross_check_is_asked_of_the_server(ask: Any, server: Served) -> None:
    ask("get", "quotes", "BTC", "--cross-check")
    assert server.asked == [("/v1/query/quotes", {"symbols": ["BTC"], "cross_check": ["true"]})]


def test_an_error_is_the_servers(ask: Any) -> None:
    result = ask("get", "candles", "BTC")
    assert result.exit_code == 4
    assert "far_away: closed" in result.stderr
    assert "ask again in 29 s" in result.stderr


def test_a_story_is_the_servers(ask: Any, server: Served) -> None:
    result = ask("explain", "--text", "quotes", "BTC", "--dry")
    assert "far_away: closed, for 29 s more" in result.stdout
    assert result.exit_code == 4
    assert server.asked[0][1]["dry"] == ["true"]


def test_states_are_the_servers(ask: Any, server: Served) -> None:
    told = ask("providers", "--text").stdout
    assert "throttled, 43 s more" in told
    assert f"as {server.url} has it" in told


def test_the_ledger_is_the_servers(ask: Any) -> None:
    told = ask("quota", "--text").stdout
    assert "EXHAUSTED" in told
    assert "10 cost units in 1 min" in told


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items": [{"symbol": 1}]}', b"\xff"])
def test_what_is_no_answer_of_a_feedmux_server_ends_with_4(body: bytes) -> None:
    with serving({"/v1/query/quotes": (200, body)}) as other:
        result = CliRunner().invoke(root, ["--server", other.url, "get", "quotes", "BTC"])
    assert result.exit_code == 4
    assert "version" in result.stderr


def test_a_server_that_is_not_there_is_named() -> None:
    with serving({}) as gone:
        pass
    result = CliRunner().invoke(root, ["--server", gone.url, "providers", "--text"])
    assert result.exit_code == 4
    assert f"{gone.url} cannot be reached" in result.stderr
    assert "is feedmux serve running?" in result.stderr


def test_a_server_is_named_by_a_url() -> None:
    assert CliRunner().invoke(root, ["--server", "localhost:8000", "providers", "--text"]).exit_code == 2


def configured(file: Path, port: int) -> tuple[str, str]:
    file.write_text(f"[server]\nport = {port}\n")
    return "--config", str(file)


def test_the_running_server_of_the_configuration_is_asked(server: Served, tmp_path: Path) -> None:
    config = configured(tmp_path / "feedmux.toml", server.port)
    told = CliRunner().invoke(root, [*config, "providers", "--text"]).stdout
    assert "far_away" in told


def test_where_something_else_listens_an_engine_of_its_own_answers(tmp_path: Path) -> None:
    with serving({"/v1/providers": (200, {"hello": "world"})}) as other:
        config = configured(tmp_path / "feedmux.toml", other.port)
        result = CliRunner().invoke(root, [*config, "providers", "--text"])
    assert result.exit_code == 0
    assert "no server was asked" in result.stdout


def test_who_chooses_a_sandbox_asks_no_server(server: Served, tmp_path: Path) -> None:
    config = configured(tmp_path / "feedmux.toml", server.port)
    result = CliRunner().invoke(root, [*config, "--sandbox", "off", "providers", "--text"])
    assert "no server was asked" in result.stdout
    assert server.asked == []


def test_what_a_window_seems_to_allow_stands_beside_what_it_declares() -> None:
    row = msgspec.structs.replace(LEDGER[0], limit=60, used=4, believed=4)
    with serving({"/v1/quota": (200, {"quota": [row]})}) as served:
        shown = CliRunner().invoke(root, ["--server", served.url, "quota", "--text"], env={"COLUMNS": "200"})

    assert "60 cost units in 1 min, it seems 4" in shown.stdout


def test_what_a_day_may_still_take_of_a_months_budget_is_shown() -> None:
    row = msgspec.structs.replace(LEDGER[0], limit=900, per=30 * 86_400.0, used=20, left=880, today=40)
    with serving({"/v1/quota": (200, {"quota": [row]})}) as served:
        shown = CliRunner().invoke(root, ["--server", served.url, "quota", "--text"], env={"COLUMNS": "200"})

    assert "880 left, 40 today" in shown.stdout
