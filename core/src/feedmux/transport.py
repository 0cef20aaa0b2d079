"""What touches a socket: one exchange with an upstream, swapped whole by sandbox, replay and tests.

httpx is used here and nowhere else, and far below its client: it reads addresses, and its connection pool, httpcore,
carries what we send. So there are no cookies, no redirects and no environment proxies.
"""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
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
        self._chosen = _pool(self._tls, None)
        self._declared = _pool(self._tls, self._internet)

    async def send(self, outgoing: Outgoing) -> Incoming:
        course = _Course()
        try:
            request = _request(outgoing, course)
            pool = self._chosen if outgoing.inside else self._declared
            try:
                return await self._exchange(pool, request)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                if course.fresh or course.heard:
                    raise
            return await self._exchange(pool, request)  # the upstream had closed a connection that was kept
        except FeedmuxError:
            raise
        except httpcore.ConnectError as error:
            raise UpstreamDown("cannot be reached", sent=False) from error
        except _UNSENDABLE as error:
            reason = f"cannot be asked ({type(error).__name__})"
            raise UpstreamDown(reason, sent=False) from None  # its own text may quote a header, and so a key
        except httpcore.TimeoutException as error:
            raise UpstreamTimeout("did not answer in time") from error
        except _BROKEN as error:
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

    async def _exchange(self, pool: httpcore.AsyncConnectionPool, request: httpcore.Request) -> Incoming:
        response = await pool.handle_async_request(request)
        try:
            if response.extensions.get("http_version") not in (b"HTTP/1.1", b"HTTP/1.0"):
                raise UpstreamDown("speaks an unknown version of HTTP")
            headers = _headers(response.headers)
            chunks, size = [], 0
            async for chunk in response.aiter_stream():
                size += len(chunk)
                if size > CAP:
                    raise BadPayload(f"the body is larger than {CAP} bytes")
                chunks.append(chunk)
        finally:
            await response.aclose()
        return Incoming(response.status, headers, b"".join(chunks))

    async def aclose(self) -> None:
        await self._chosen.aclose()
        await self._declared.aclose()


def _pool(tls: ssl.SSLContext, internet: OpenInternet | None) -> httpcore.AsyncConnectionPool:
    """Connections: to the open internet alone where one is given, else to wherever an address leads."""
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=15.0,
        network_backend=internet,
    )


@cache
def _has_websockets() -> bool:
    return importlib.util.find_spec("websockets") is not None


_UNSENDABLE = (httpx.InvalidURL, httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, UnicodeError)
"""What is raised for an address or a header that cannot go over a wire, before anything does."""
_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.ConnectionNotAvailable,
)
_WRITTEN = re.compile(
    r"(https?://[^/?#@]+)(/(?!/)[\w./~!$&'()*+,;=:@%-]*(?:\?[\w./~!$&'()*+,;=:@%?-]*)?)", re.ASCII
)
"""An address that needs no more encoding: where it leads, and the target as it goes on the wire."""


class _Course:
    """How far a request came: whether its connection was opened for it, whether headers have come."""

    def __init__(self) -> None:
        self.fresh = self.heard = False

    async def __call__(self, event: str, info: Mapping[str, object]) -> None:
        self.fresh = self.fresh or event == "connection.connect_tcp.started"
        self.heard = self.heard or event == "http11.receive_response_headers.complete"


def _request(outgoing: Outgoing, course: _Course) -> httpcore.Request:
    written = _WRITTEN.fullmatch(outgoing.url)
    if written is not None and "/." not in written[2]:
        origin, target = _origin(written[1]), written[2].encode("ascii")
    else:
        url = httpx.URL(outgoing.url)
        origin, target = _origin(f"{url.scheme}://{url.netloc.decode('ascii')}"), url.raw_path
    if outgoing.secret_params:
        target += (b"&" if b"?" in target else b"?") + outgoing.secret_params.encode("ascii")
    url, host = origin
    headers = [
        (b"host", host),
        *((k.encode("ascii"), v.encode("ascii")) for k, v in outgoing.headers.items()),
    ]
    return httpcore.Request(
        b"GET",
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target),
        headers=headers,
        extensions={"trace": course},
    )


@lru_cache(maxsize=1024)
def _origin(address: str) -> tuple[httpx.URL, bytes]:
    """A scheme and host, read once, and what its Host header says."""
    url = httpx.URL(address)
    return url, url.netloc


def _headers(came: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    size = 0
    for name, value in came:
        size += len(name) + len(value)
        if size > HEADER_CAP:
            raise UpstreamDown(f"sent more than {HEADER_CAP} bytes of headers")
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return headers
