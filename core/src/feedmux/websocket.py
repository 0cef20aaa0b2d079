"""WebSockets: the one module that knows `websockets`, of which it uses the protocol and not the client.

What the client would add is left out by construction: no redirects, no cookies, no proxies from the environment, no
compression, no timers of its own. Import it where it is needed only: the library is an extra.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from feedmux.errors import BadPayload, UpstreamDown
from feedmux.transport import Incoming, Outgoing, Socket

MESSAGE_CAP = 1024 * 1024
"""Bytes of one message, whatever frames it comes in."""
CHUNK = 64 * 1024
FAREWELL = 1.0
"""Seconds that closing a socket may take."""
_ABNORMAL = 1006


async def dial(outgoing: Outgoing, tls: ssl.SSLContext, at: str | None = None) -> Socket | Incoming:
    """Open a WebSocket there, or give the reply that refused to: no status but 101 opens one.

    Where `at` is given it is the address connected to, and the host's name that of the certificate.

    Raises UpstreamDown (`sent=False` where nothing left) or BadPayload where what came is no HTTP.
    """
    try:
        uri = parse_uri(outgoing.url)
        reader, writer = await asyncio.open_connection(
            at or uri.host,
            uri.port,
            ssl=tls if uri.secure else None,
            server_hostname=uri.host if uri.secure else None,
        )
    except InvalidURI:
        raise UpstreamDown("has an address that cannot be asked", sent=False) from None
    except OSError as error:
        raise UpstreamDown("cannot be reached", sent=False) from error
    socket = WebSocket(ClientProtocol(uri, max_size=MESSAGE_CAP), reader, writer)
    try:
        refusal = await socket.shake_hands(outgoing)
    except BaseException:
        writer.close()
        raise
    if refusal is not None:
        writer.close()
    return refusal or socket


class WebSocket:
    """One open connection. It answers pings with pongs by itself."""

    def __init__(
        self, protocol: ClientProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._frames: deque[Frame] = deque()
        self._pieces: list[bytes] = []

    async def shake_hands(self, outgoing: Outgoing) -> Incoming | None:
        """Upgrade the connection; the reply where the upstream would not."""
        request = self._protocol.connect()
        for name, value in outgoing.headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        await self._flush()
        while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
            await self._read()
        error = self._protocol.handshake_exc
        if isinstance(error, InvalidStatus):
            return _incoming(error.response)
        if isinstance(error, InvalidHandshake):
            raise BadPayload(f"answered the upgrade with garbage ({type(error).__name__})")
        if error is not None or self._protocol.state is not State.OPEN:
            raise UpstreamDown("broke the connection while it was opened")
        return None

    async def send(self, message: bytes) -> None:
        """Send a text message; raises UpstreamDown where the connection is over."""
        if self._protocol.state is not State.OPEN:
            raise self._ended()
        self._protocol.send_text(message)
        await self._flush()

    async def ping(self) -> None:
        """Send a ping; its pong ends a `receive`."""
        if self._protocol.state is not State.OPEN:
            raise self._ended()
        self._protocol.send_ping(b"")
        await self._flush()

    async def receive(self) -> bytes | None:
        """The next message, text or binary; None where a ping or a pong came.

        Raises UpstreamDown where the connection is over, with the code, and BadPayload where it broke the protocol.
        """
        while True:
            while not self._frames:
                if self._protocol.state is not State.OPEN:
                    raise self._ended()
                await self._read()
            frame = self._frames.popleft()
            if frame.opcode is Opcode.CLOSE:
                raise self._ended()
            if frame.opcode in (Opcode.PING, Opcode.PONG):
                return None
            self._pieces.append(bytes(frame.data))
            if frame.fin:
                message = b"".join(self._pieces)
                self._pieces.clear()
                return message

    async def aclose(self) -> None:
        """Say goodbye where the other side still listens, and close."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            self._write()
        self._writer.close()
        try:
            async with asyncio.timeout(FAREWELL):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(CHUNK)
        except OSError as error:
            raise UpstreamDown(f"broke the connection ({type(error).__name__})") from error
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        events = self._protocol.events_received()
        self._frames.extend(event for event in events if isinstance(event, Frame))
        await self._flush()

    async def _flush(self) -> None:
        try:
            self._write()
            await self._writer.drain()
        except OSError as error:
            if self._protocol.state is State.OPEN:
                raise UpstreamDown(f"broke the connection ({type(error).__name__})") from error

    def _write(self) -> None:
        if data := b"".join(
            self._protocol.data_to_send()
        ):  # an empty piece stands for the end, which `close` brings
            self._writer.write(data)

    def _ended(self) -> UpstreamDown | BadPayload:
        """Why the connection is over."""
        broken, close = self._protocol.parser_exc, self._protocol.close_rcvd
        if isinstance(broken, PayloadTooBig):
            return BadPayload(f"sent a message larger than {MESSAGE_CAP} bytes")
        if close is not None:
            reason = f": {close.reason[:80]}" if close.reason else ""
            return UpstreamDown(f"closed the stream with {close.code}{reason}")
        if broken is not None and not isinstance(broken, EOFError):
            return BadPayload(f"broke the protocol ({type(broken).__name__})")
        return UpstreamDown(f"cut the stream ({_ABNORMAL})")


def _incoming(response: Response) -> Incoming:
    headers: dict[str, str] = {}
    for name, value in response.headers.raw_items():
        headers.setdefault(name.lower(), value)
    return Incoming(response.status_code, headers, bytes(response.body or b""))
