"""The address the server listens on: checked to be free, told as a URL."""

from __future__ import annotations

import errno
import socket

from msgspec import Struct


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
