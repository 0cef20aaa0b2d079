"""The address the server listens on: checked to be free, told as a URL, and what its connections inherit."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress

from msgspec import Struct

ASKED_EVERY = 20
"""Seconds of silence after which the kernel asks the other end of a connection whether it is there, and asks again."""
MISSES = 2
"""Unanswered in a row, and the connection is over."""


class Unusable(Exception):
    """The address cannot be listened on; the text says why and what to do."""


class Address(Struct, frozen=True):
    """An IP address and a port, both known."""

    host: str
    port: int

    @property
    def reached_at(self) -> str:
        """The host by which this machine reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - told, not bound

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = self.reached_at
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def free(host: str, port: int) -> Address:
    """The address, surely nobody else's: the server's own socket shares its port, so a second server is refused here.

    A name is resolved, to IPv4 where it can be. Port 0 takes any free one. Raises Unusable.
    """
    try:
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, where = min(known, key=lambda one: one[0] != socket.AF_INET)
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(where)
            trial.listen()
            return Address(str(where[0]), trial.getsockname()[1])
    except (OSError, UnicodeError) as error:
        raise Unusable(_reason(error, host, port)) from None


def watch_over(address: Address, every: int = ASKED_EVERY) -> None:
    """Let the kernel end connections whose other end is gone without a word: no WebSocket ping can be sent here.

    ASGI has no message for one. What this process listens with hands its options down to what it accepts from now on:
    who is silent is asked after `every` seconds and over after two misses, as is who leaves what was sent to it
    unacknowledged for as long. A process that is stopped while its machine lives is no such end: its kernel answers.
    """
    for number in open_files():
        with suppress(OSError):  # closed meanwhile
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as own:
                    listens = own.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                    if listens and own.getsockname()[:2] == (address.host, address.port):
                        _set_liveness(own, every)


def _set_liveness(listening: socket.socket, every: int) -> None:
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {"TCP_KEEPIDLE": every, "TCP_KEEPINTVL": every, "TCP_KEEPCNT": MISSES}
    options |= {"TCP_KEEPALIVE": every, "TCP_USER_TIMEOUT": every * MISSES * 1000}
    for name, value in options.items():
        if (option := getattr(socket, name, None)) is not None:  # not every system has them all
            listening.setsockopt(socket.IPPROTO_TCP, option, value)


def open_files() -> list[int]:
    """The descriptors that this process has open; empty where the system does not tell."""
    with suppress(OSError):
        return [int(name) for name in os.listdir("/dev/fd")]
    return []


def _reason(error: OSError | UnicodeError, host: str, port: int) -> str:
    if isinstance(error, UnicodeError | socket.gaierror):
        return f"{host} is no address of this machine: choose another --host"
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is taken: a server runs there already; stop it, or choose another --port"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges: choose one from 1024 on with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: choose another --host"
    return f"{host} port {port} cannot be listened on: {error.strerror or error}"
