"""One call as an upstream sees it, and what it says to that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Struct, field

from feedmux.transport import Incoming, Outgoing

JSON = {"content-type": "application/json; charset=utf-8"}


class Call(Struct, frozen=True):
    """What was asked, and when (Unix seconds). A parameter that is given twice counts as its last value."""

    host: str
    path: str
    at: float
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, outgoing: Outgoing, at: datetime) -> Call:
        url = urlsplit(outgoing.url)
        query = "&".join(filter(None, (url.query, outgoing.secret_params)))
        return cls(
            url.hostname or "",
            unquote(url.path),
            at.timestamp(),
            dict(parse_qsl(query, keep_blank_values=True)),
            {name.lower(): value for name, value in outgoing.headers.items()},
        )

    def words(self, name: str) -> list[str]:
        """A comma-separated parameter's parts, just as they stand."""
        given = self.params.get(name, "")
        return given.split(",") if given else []

    def number(self, name: str, default: int) -> int:
        """A parameter's whole number, or the default where it is none."""
        given = self.params.get(name, "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else default


class Refusal(Exception):
    """The upstream does not answer the call, with what it says instead."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.incoming = answer(body, status=status, headers=headers)


class Model(Protocol):
    """An upstream as it behaves. `latency` is about how long it takes, in seconds."""

    latency: float

    def answer(self, call: Call) -> Incoming: ...


def answer(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Incoming:
    """A JSON answer; bytes and text go out as they are."""
    raw = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else msgspec.json.encode(body)
    )
    return Incoming(status, {**JSON, **(headers or {})}, raw)
