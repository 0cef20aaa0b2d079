"""A running server: its REST answers, read back into the same structs."""

from __future__ import annotations

import functools
import http.client
import operator
import urllib.error
import urllib.request
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct, field

from feedmux.answer import Answer, Missing
from feedmux.body import CAP
from feedmux.cli.problem import FromServer, Problem, raised
from feedmux.cli.source import States, Told
from feedmux.crossed import Crossed
from feedmux.errors import BadPayload, FeedmuxError, InvalidQuery, UpstreamDown, UpstreamTimeout
from feedmux.event import Event, Trace
from feedmux.how import How
from feedmux.query import Query
from feedmux.settings import ServerSettings
from feedmux.status import LedgerRow

T = TypeVar("T")
MARGIN = 2.0
"""Seconds that a server has beyond the question's deadline."""
PROBE = 1.0
"""Seconds that a server has to show that it runs."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - where to ask one that listens so


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Whoever was redirected would send on what was meant for this server, an admin token among it."""

    def redirect_request(self, *_: Any) -> None:
        return None


def opener() -> urllib.request.OpenerDirector:
    """Opens a URL there and nowhere else: no proxy of the environment, and a redirect is an HTTPError."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


class _Document(Struct):
    items: list[msgspec.Raw]
    missing: dict[str, Missing] = field(default_factory=dict)
    attribution: tuple[str, ...] = ()
    sandbox: bool = False
    crossed: dict[str, Crossed] = field(default_factory=dict)


class _Story(Struct):
    answer: _Document | None
    error: Problem | None
    trace: list[msgspec.Raw]


class _Quota(Struct):
    quota: list[LedgerRow]


class Remote:
    """A Source behind a URL. `deadline` is in seconds, for questions that bring none."""

    def __init__(self, url: str, deadline: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidQuery("a URL such as http://127.0.0.1:8000", field="--server")
        self.name = url.rstrip("/")
        self._deadline = deadline
        self._opener = opener()

    @classmethod
    def running(cls, server: ServerSettings, deadline: float) -> Remote | None:
        """The server of a configuration, None where none runs there."""
        host = _EVERYWHERE.get(server.host, server.host)
        remote = cls(
            f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}", deadline
        )
        try:
            remote._read("/v1/providers", {}, States, PROBE)
        except FeedmuxError:
            return None
        return remote

    def get(self, query: Query, how: How) -> Answer[Any]:
        document = self._read(
            f"/v1/query/{query.capability}", _params(query, how), _Document, self._patience(how)
        )
        return _answer(query, document, Trace.EMPTY)

    def explain(self, query: Query, how: How) -> Told:
        return self._told(query, how, _params(query, how))

    def plan(self, query: Query, how: How) -> Told:
        return self._told(query, how, {**_params(query, how), "dry": ["true"]})

    def states(self) -> States:
        return self._read("/v1/providers", {}, States, self._deadline)

    def ledger(self) -> list[LedgerRow]:
        return self._read("/v1/quota", {}, _Quota, self._deadline).quota

    def _told(self, query: Query, how: How, params: dict[str, list[str]]) -> Told:
        story = self._read(f"/v1/explain/{query.capability}", params, _Story, self._patience(how))
        trace = Trace(tuple(map(_event, story.trace)))
        return Told(
            _answer(query, story.answer, trace) if story.answer else None,
            raised(story.error) if story.error else None,
            trace,
        )

    def _patience(self, how: How) -> float:
        return (how.deadline or self._deadline) + MARGIN

    def _read(self, path: str, params: dict[str, list[str]], kind: type[T], patience: float) -> T:
        """What the server answers; raises what it raised, or UpstreamDown where it is not there."""
        body = self._body(path + ("?" + urlencode(params, doseq=True) if params else ""), patience)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadPayload(f"{self.name} is no Feedmux server of this version: {error}") from None

    def _body(self, target: str, patience: float) -> bytes:
        try:
            with self._opener.open(self.name + target, timeout=patience) as reply:
                return bytes(reply.read(CAP))
        except urllib.error.HTTPError as refused:
            with refused:
                raise _refusal(refused.code, refused.read(CAP)) from None
        except TimeoutError:
            raise UpstreamTimeout(f"{self.name} did not answer within {patience:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", error)
            raise UpstreamDown(f"{self.name} cannot be reached ({why}): is feedmux serve running?") from None


def _params(query: Query, how: How) -> dict[str, list[str]]:
    """The question and how it is to be asked, as the server's URLs spell them."""
    options = {name: getattr(how, name) for name in how.__struct_fields__}
    spelt = {
        name: [",".join(value) if isinstance(value, tuple) else str(value).lower()]
        for name, value in options.items()
        if value is not False and value not in (None, ())
    }
    return query.to_strings() | spelt


_EVENTS = msgspec.json.Decoder(functools.reduce(operator.or_, Event.__subclasses__()))


def _event(told: msgspec.Raw) -> Event:
    try:
        event: Event = _EVENTS.decode(told)
    except msgspec.DecodeError as error:
        raise BadPayload(f"the server's trace is not what this version knows: {error}") from None
    return event


def _answer(query: Query, document: _Document, trace: Trace) -> Answer[Any]:
    try:
        items = tuple(msgspec.json.decode(item, type=query.item) for item in document.items)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadPayload(
            f"the server's {query.capability} are not what this version knows: {error}"
        ) from None
    return Answer(
        query,
        items,
        document.missing,
        document.attribution,
        document.sandbox,
        trace,
        crossed=document.crossed,
    )


def _refusal(status: int, body: bytes) -> FeedmuxError:
    try:
        return raised(msgspec.json.decode(body, type=Problem))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return FromServer(f"HTTP {status}")
