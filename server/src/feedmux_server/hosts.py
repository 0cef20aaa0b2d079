"""Which names the server answers to: a page that re-binds its own name to this address reads nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WILDCARD = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound here
_HOST = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::\d{1,5})?")


class Hosts:
    """Loopback names, the address it listens on, and what else the operator names; with any port.

    Where it listens on every address, any literal address will do: only names can be re-bound.
    """

    def __init__(self, host: str, others: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower().strip("[]") for name in (*LOOPBACK, host, *others))
        self._any_address = host in WILDCARD
        self.allows = lru_cache(256)(self._allows)

    def _allows(self, header: bytes) -> bool:
        match = _HOST.fullmatch(header.decode("latin-1").lower())
        if match is None:
            return False
        name = match.group(1) or match.group(2)
        return name in self._names or (self._any_address and _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
