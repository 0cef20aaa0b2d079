"""What touches a socket: one exchange with an upstream, swapped whole by sandbox, replay and tests.

httpx is used here and nowhere else, below its client: no cookies, no redirects, no environment proxies.
"""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Protocol

import httpcore
import httpx
from msgspec import Struct, field

from feedmux.body import CAP
from feedmux.errors import BadPayload, FeedmuxError, UpstreamDown, UpstreamTimeout
from feedmux.internet import OpenInternet

HEADER_CAP = 64 * 1024


class Outgoing(Struct, frozen=True):
    """A request as it goes out. `url` holds no key; `secret_params` are added to it on the wire only."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_params: str = ""
    inside: bool = False
    """The operator chose this address: it may be loopback or private."""

    def __repr__(self) -> str:
        """Without what may hold a key: neither the headers' values nor the secret parameters."""
        return f"Outgoing({self.url!r}, headers={sorted(self.headers)}, inside={self.inside})"


class Incoming(Struct, frozen=True):
    """What came back: header names in lower case, the body as it was on the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries requests. `simulated` says that nothing real is behind it: its answers are marked as sandbox.

    One with a true `absent` carries nothing at all: its provider is never asked, and shown so. One that can stream
    has a method `dial` as `Network.dial`; where it has none, its provider is polled.
    """

    simulated: bool

    async def send(self, outgoing: Outgoing) -> Incoming:
        """One exchange. Raises UpstreamDown (`sent=False` where nothing left), UpstreamTimeout or BadPayload."""
        ...

    async def aclose(self) -> None: ...


class Socket(Protocol):
    """One open stream. `receive` gives the next message, None where a mere sign of life came.

    All but `aclose` raise UpstreamDown where it is over, and BadPayload where what came is none.
    """

    async def send(self, message: bytes) -> None: ...

    async def ping(self) -> None: ...

    async def receive(self) -> bytes | None: ...

    async def aclose(self) -> None: ...


class Network:
    """The real transport. Where a kept connection breaks before any answer, the request goes once more on another."""

    simulated = False

    def __init__(self, internet: OpenInternet | None = None) -> None:
        self._tls = ssl.create_default_context()
        self._internet = internet or OpenInternet()
        self._chosen = _transport(self._tls, None)
        self._declared = _transport(self._tls, self._internet)

    async def send(self, outgoing: Outgoing) -> Incoming:
        course = _Course()
        try:
            request = _request(outgoing, course)
            http = self._chosen if outgoing.inside else self._declared
            try:
                return await self._exchange(http, request)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                if course.fresh or course.heard:
                    raise
            return await self._exchange(http, request)  # the upstream had closed a connection that was kept
        except FeedmuxError:
            raise
        except httpx.ConnectError as error:
            raise UpstreamDown("cannot be reached", sent=False) from error
        except _UNSENDABLE as error:
            reason = f"cannot be asked ({type(error).__name__})"
            raise UpstreamDown(reason, sent=False) from None  # its own text may quote a header, and so a key
        except httpx.TimeoutException as error:
            raise UpstreamTimeout("did not answer in time") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise UpstreamDown(f"broke the connection ({type(error).__name__})") from error

    @property
    def dials(self) -> bool:
        """Whether the library that opens WebSockets is installed."""
        return _has_websockets()

    async def dial(self, outgoing: Outgoing) -> Socket | Incoming:
        """Open a WebSocket, or give the reply that refused to. Raises as `send` does; ImportError without the extra."""
        from feedmux import websocket

        at = None if outgoing.inside else (await self._internet.addresses(httpx.URL(outgoing.url).host))[0]
        return await websocket.dial(outgoing, self._tls, at)

    async def _exchange(self, http: httpx.AsyncHTTPTransport, request: httpx.Request) -> Incoming:
        response = await http.handle_async_request(request)
        try:
            if response.extensions.get("http_version") not in (b"HTTP/1.1", b"HTTP/1.0"):
                raise UpstreamDown("speaks an unknown version of HTTP")
            headers = _headers(response)
            chunks, size = [], 0
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > CAP:
                    raise BadPayload(f"the body is larger than {CAP} bytes")
                chunks.append(chunk)
        finally:
            await response.aclose()
        return Incoming(response.status_code, headers, b"".join(chunks))

    async def aclose(self) -> None:
        await self._chosen.aclose()
        await self._declared.aclose()


def _transport(tls: ssl.SSLContext, internet: OpenInternet | None) -> httpx.AsyncHTTPTransport:
    """A pool of connections: to the open internet alone where one is given, else to wherever an address leads."""
    made = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)
    made._pool = httpcore.AsyncConnectionPool(  # httpx does not let a network backend through
        ssl_context=tls,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=15.0,
        network_backend=internet,
    )
    return made


@cache
def _has_websockets() -> bool:
    return importlib.util.find_spec("websockets") is not None


_UNSENDABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)
"""What is raised for an address or a header that cannot go over a wire, before anything does."""


class _Course:
    """How far a request came: whether its connection was opened for it, whether headers have come."""

    def __init__(self) -> None:
        self.fresh = self.heard = False

    async def __call__(self, event: str, info: Mapping[str, object]) -> None:
        self.fresh = self.fresh or event == "connection.connect_tcp.started"
        self.heard = self.heard or event == "http11.receive_response_headers.complete"


def _request(outgoing: Outgoing, course: _Course) -> httpx.Request:
    url = httpx.URL(outgoing.url)
    if outgoing.secret_params:
        query = "&".join(filter(None, (url.query.decode("ascii"), outgoing.secret_params)))
        url = url.copy_with(query=query.encode("ascii"))
    return httpx.Request("GET", url, headers=dict(outgoing.headers), extensions={"trace": course})


def _headers(response: httpx.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    size = 0
    for name, value in response.headers.raw:
        size += len(name) + len(value)
        if size > HEADER_CAP:
            raise UpstreamDown(f"sent more than {HEADER_CAP} bytes of headers")
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return headers
