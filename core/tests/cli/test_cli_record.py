"""`feedmux record`: one real exchange becomes a case, and nothing secret is in it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from acme import endpoint, provider, subject

from feedmux import Asked, Key, Listed, ListingSource, Quote, Request, Settings, UnknownSymbol
from feedmux.conformance import Case, Grade
from feedmux.conformance.recording import recorded, wanted
from feedmux.query import Quotes
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming, Outgoing

KEY = "sesame/47 11"


class _Upstream(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = "BTC" in self.path
        content = b'[{"ticker":"BTC","last":91234.5}]' if known else b'{"error":"never heard of it"}'
        self.send_response(200 if known else 404)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(content))),
            ("Set-Cookie", "session=abc"),
            ("X-Api-Key", self.headers.get("x-api-key", "")),
            ("X-RateLimit-Remaining", "59"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def upstream() -> Iterator[str]:
    """The address of an upstream on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def config(upstream: str, tmp_path: Path) -> Path:
    """A configuration that puts it in the place of acme's hosts."""
    file = tmp_path / "feedmux.toml"
    file.write_text(f'[providers.acme]\nbase_url = "{upstream}"\napi_key = "{KEY}"\n')
    return file


def read(file: Path) -> Case:
    return msgspec.json.decode(file.read_bytes(), type=Case)


def test_an_answer_becomes_a_case(feedmux: Any, config: Path, tmp_path: Path) -> None:
    told = feedmux(
        "--config",
        str(config),
        "record",
        "acme",
        "quotes BTC",
        "--directory",
        str(tmp_path),
        plugins={"acme": provider()},
    )
    assert told.exit_code == 0, told.output
    case = read(tmp_path / "quotes.json")
    assert (case.capability, case.parameters, case.status, case.expected) == (
        "quotes",
        {"symbols": ["BTC"]},
        200,
        "items",
    )
    assert case.target == "/prices?tickers=BTC"
    assert case.content == b'[{"ticker":"BTC","last":91234.5}]'


def test_a_refusal_becomes_a_case_under_the_name_it_is_given(
    feedmux: Any, config: Path, tmp_path: Path
) -> None:
    feedmux(
        *(
            "--config",
            str(config),
            "record",
            "acme",
            "quotes XYZ --vs EUR",
            "--as",
            "gone",
            "--directory",
            str(tmp_path),
        ),
        plugins={"acme": provider()},
    )
    case = read(tmp_path / "gone.json")
    assert (case.status, case.expected, case.parameters["vs"]) == (404, "unknown-symbol", ["EUR"])


def test_a_health_check_becomes_a_case(feedmux: Any, config: Path, tmp_path: Path) -> None:
    feedmux(
        "--config",
        str(config),
        "record",
        "acme",
        "health",
        "--directory",
        str(tmp_path),
        plugins={"acme": provider()},
    )
    assert read(tmp_path / "health.json").target == "/ping"


def test_what_comes_from_an_address_of_the_operators_choice_is_not_called_recorded(
    feedmux: Any, config: Path, tmp_path: Path, upstream: str
) -> None:
    feedmux(
        "--config",
        str(config),
        "record",
        "acme",
        "quotes BTC",
        "--directory",
        str(tmp_path),
        plugins={"acme": provider()},
    )
    case = read(tmp_path / "quotes.json")
    assert case.grade is Grade.MADE
    assert upstream not in (tmp_path / "quotes.json").read_text()


def test_a_second_case_does_not_overwrite_the_first(feedmux: Any, config: Path, tmp_path: Path) -> None:
    for _ in range(2):
        feedmux(
            *("--config", str(config), "record", "acme", "quotes BTC", "--directory", str(tmp_path)),
            plugins={"acme": provider()},
        )
    assert {file.name for file in tmp_path.glob("*.json")} == {"quotes.json", "quotes_2.json"}


def test_a_question_that_it_does_not_serve_is_an_error(feedmux: Any, config: Path) -> None:
    told = feedmux("--config", str(config), "record", "acme", "quote BTC", plugins={"acme": provider()})
    assert told.exit_code == 2
    assert "did you mean quotes?" in told.stderr


class _Echo:
    """Repeats the key in its body, encoded and plain, and in headers."""

    simulated = False

    async def send(self, outgoing: Outgoing) -> Incoming:
        headers = {
            "content-type": "application/json",
            "retry-after": KEY,
            "set-cookie": KEY,
            "authorization": KEY,
            "x-acme-key": KEY,
        }
        return Incoming(
            200, headers, f'[{{"ticker":"BTC","last":1.5,"you":"{KEY} sesame/47%2011"}}]'.encode()
        )

    async def aclose(self) -> None: ...


@pytest.mark.parametrize("key", [Key(header="x-api-key"), Key(param="apikey")])
def test_no_key_and_no_cookie_is_kept(key: Key) -> None:
    chosen = Settings(providers={"acme": ProviderSettings(api_key=Secret(KEY))})
    asked = recorded(subject(provider(key=key)), wanted("quotes", Quotes("BTC"), ""), chosen, _Echo())
    (case,) = asyncio.run(asked)
    text = msgspec.json.encode(case).decode()
    assert "sesame" not in text
    assert set(case.headers) == {"content-type", "retry-after"}
    assert (case.grade, case.source) == (
        Grade.RECORDED,
        "GET https://api.acme.example/prices?tickers=BTC",
    )


class _Listed:
    """Knows bitcoin under an id of its own."""

    simulated = False

    async def send(self, outgoing: Outgoing) -> Incoming:
        listing = b'["BTC"]'
        return Incoming(
            200, {}, listing if outgoing.url.endswith("/list") else b'[{"ticker":"id-btc","last":1.5}]'
        )

    async def aclose(self) -> None: ...


def _of_listing(body: bytes) -> list[Listed]:
    return [Listed(symbol, f"id-{symbol.lower()}") for symbol in msgspec.json.decode(body, type=list[str])]


def _by_id(asked: Asked[Quotes]) -> Request:
    return Request("/prices", {"tickers": ",".join(asked.id(symbol) for symbol in asked.query.symbols)})


def _of_ids(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    return [Quote(symbol=symbol, price=1.5) for symbol in asked.query.symbols]


LISTED = provider(
    listing=ListingSource(Request("/list"), _of_listing), endpoints=endpoint(request=_by_id, parse=_of_ids)
)


def test_a_listing_that_had_to_be_read_is_a_case_as_well() -> None:
    asked = recorded(subject(LISTED), wanted("quotes", Quotes("BTC"), ""), Settings(), _Listed())
    listing, quotes = asyncio.run(asked)
    assert (listing.capability, listing.target, listing.content) == ("listing", "/list", b'["BTC"]')
    assert (quotes.capability, quotes.target, quotes.expected) == (
        "quotes",
        "/prices?tickers=id-btc",
        "items",
    )


def test_where_only_a_listing_was_read_the_error_is_raised() -> None:
    asked = recorded(subject(LISTED), wanted("quotes", Quotes("XYZ"), ""), Settings(), _Listed())
    with pytest.raises(UnknownSymbol):
        asyncio.run(asked)
