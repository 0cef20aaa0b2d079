"""The address the server listens on: checked to be free, told as a URL."""

from __future__ import annotations

import errno
import socket

from msgspec import Struct


class Unusable(Exception):
    """The address cannot be listened on; the text says why and what to do."""


class Address(Struct, frozen=True):
    """A host and a port, the port known."""

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

    Port 0 takes any free one. Raises Unusable.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
            trial.listen()
            return Address(host, trial.getsockname()[1])
    except OSError as error:
        raise Unusable(_reason(error, host, port)) from None


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is taken: a server runs there already; stop it, or choose another --port"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges: choose one from 1024 on with --port"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{host} is no address of this machine: choose another --host"
    return f"{host} port {port} cannot be listened on: {error.strerror or error}"
