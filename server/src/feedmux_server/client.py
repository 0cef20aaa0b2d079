"""Who calls: the address of a request's client, as the peer or as a proxy that is trusted says."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from feedmux import SettingsError

UNKNOWN = "unknown"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Clients:
    """Reads X-Forwarded-For only where the peer is a trusted proxy: anybody can write such a header."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = tuple(map(_network, trusted))

    def address(self, scope: Any) -> str:
        """The client's address; of a chain of proxies the last address that is not one of ours."""
        peer = (scope.get("client") or (UNKNOWN,))[0]
        if not self._trusted or not self._is_trusted(peer):
            return str(peer)
        named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        for text in reversed(",".join(named).split(",")):
            if (address := _address(text)) is None:
                break
            peer = address
            if not self._is_trusted(peer):
                break
        return str(peer)

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found.version == network.version and found in network for network in self._trusted)


def shared_by(address: str) -> str:
    """Who is counted as one: an IPv4 address, of IPv6 the /64 that one subscriber has to himself."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))


def _address(text: str) -> str | None:
    """The address in its usual spelling, an IPv4 port cut off; None where it is none."""
    found = text.strip()
    if found.count(":") == 1:
        found = found.partition(":")[0]
    try:
        return str(ipaddress.ip_address(found.strip("[]")))
    except ValueError:
        return None


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(f"server.trusted_proxies: {error}") from None
