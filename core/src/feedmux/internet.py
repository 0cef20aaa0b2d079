"""The open internet: which addresses belong to it, and connections that lead nowhere else.

A name is resolved once for each connection, and the address that was checked is the address connected to: an answer
that changes in between leads nowhere. TLS still checks the certificate against the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import httpcore

from feedmux.errors import UpstreamDown

HEAD_START = 0.25
"""Seconds that one address has before the next is tried beside it (RFC 8305)."""
_INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10")
)
"""IPv6 networks that lead on to IPv4 addresses or to a site's own; Python holds some of them to be global."""
Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a host, the best first; raises OSError where it has none."""


def outside(address: str) -> bool:
    """Whether an address is one of the open internet: not loopback, private, multicast or a way to one of these."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if not found.is_global or found.is_multicast or found.is_unspecified:
        return False
    return not any(found.version == network.version and found in network for network in _INSIDE)


async def resolved(host: str) -> Sequence[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class OpenInternet(httpcore.AsyncNetworkBackend):
    """Opens the connections to declared hosts."""

    def __init__(
        self, resolve: Resolve = resolved, carrier: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        self._resolve = resolve
        self._carrier = carrier or httpcore.AnyIOBackend()

    async def addresses(self, host: str) -> Sequence[str]:
        """Where the host is; raises UpstreamDown where it is nowhere, or where any of its addresses is inside."""
        try:
            found = await self._resolve(host)
        except OSError as error:
            raise UpstreamDown("cannot be resolved", sent=False) from error
        if not found or not all(map(outside, found)):
            raise UpstreamDown("resolves to an address inside", sent=False)
        return found

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first of the host's addresses that takes one."""
        connect = partial(
            self._carrier.connect_tcp,
            port=port,
            timeout=timeout,
            local_address=local_address,
            socket_options=socket_options,
        )
        return await _first([partial(connect, address) for address in await self.addresses(host)])

    async def sleep(self, seconds: float) -> None:
        await self._carrier.sleep(seconds)


async def _first(
    connects: Sequence[Callable[[], Awaitable[httpcore.AsyncNetworkStream]]],
) -> httpcore.AsyncNetworkStream:
    """The first that connects, each begun once the one before failed or had its head start; else the last error."""
    left = list(connects)
    begun: list[asyncio.Future[httpcore.AsyncNetworkStream]] = []
    try:
        while True:
            if left:
                begun.append(asyncio.ensure_future(left.pop(0)()))
            running = [one for one in begun if not one.done()]
            await asyncio.wait(
                running, timeout=HEAD_START if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            for one in begun:
                if one.done() and one.exception() is None:
                    begun.remove(one)
                    return one.result()
            if not left and all(one.done() for one in begun):
                return begun[-1].result()
    finally:
        await _given_up(begun)


async def _given_up(begun: Iterable[asyncio.Future[httpcore.AsyncNetworkStream]]) -> None:
    """End the attempts that are not needed, and close what they opened meanwhile."""
    for one in begun:
        one.cancel()
    for ended in await asyncio.gather(*begun, return_exceptions=True):
        if not isinstance(ended, BaseException):
            await ended.aclose()
