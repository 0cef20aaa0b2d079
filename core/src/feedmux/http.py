"""The HTTP client that a plugin is handed: bound to one member, paths only, every failure named."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from feedmux.body import inflated
from feedmux.clock import Clock
from feedmux.endpoint import Key
from feedmux.errors import NoQuota, Unauthorized, Unavailable, UpstreamDown
from feedmux.failure import Failure, failure_of
from feedmux.quota import Ending, Full, Permit
from feedmux.request import Reply, Request
from feedmux.secret import Secret
from feedmux.transport import Outgoing, Transport

T = TypeVar("T")
HOST_REST = 3600.0
"""Seconds for which a host that cannot be reached, or does not serve this place, is passed over."""
UNMISTAKABLE = 8
"""Characters from which on a key is no word that an answer may hold by chance."""
SHOWN = 400
"""Bytes of a body that are kept for the log."""
HEADERS = {
    "accept": "application/json, text/xml;q=0.5, */*;q=0.1",
    "accept-encoding": "gzip",
    "user-agent": "feedmux/0.1",
}


class Address:
    """A member's hosts in order, and which of them is used now."""

    def __init__(self, hosts: tuple[str, ...], *, chosen_by_operator: bool = False) -> None:
        self.hosts = tuple(host.rstrip("/") for host in hosts)
        self.chosen_by_operator = chosen_by_operator
        self._resting: dict[str, float] = {}

    def in_order(self, now: float) -> list[str]:
        """The hosts to try, those at rest last."""
        if not self._resting:
            return list(self.hosts)
        return sorted(self.hosts, key=lambda host: self._resting.get(host, 0.0) > now)

    def rest(self, host: str, now: float) -> None:
        """Pass this host over for an hour."""
        self._resting[host] = now + HOST_REST


class Wire(msgspec.Struct, frozen=True):
    """What a member's requests travel over: fixed for as long as its settings are."""

    address: Address
    transport: Transport
    failures: tuple[Failure, ...] = ()
    key: Key | None = None
    secret: Secret | None = None

    def redacted(self, text: str) -> str:
        """The text without our key, should an upstream have echoed it."""
        return (
            self.without_secret(text.encode("utf-8", "replace")).decode() if self.secret is not None else text
        )

    def without_secret(self, body: bytes) -> bytes:
        """The body without our key, plain or as a URL writes it, should an upstream have echoed it."""
        if self.secret is None:
            return body
        plain = self.secret.reveal()
        for written in {plain, quote(plain, safe="")}:
            body = body.replace(written.encode(), b"***")
        return body

    @property
    def unmistakable(self) -> bool:
        """Whether our key is too long to be a word of the data: then an item that repeats it is served without it."""
        return self.secret is not None and len(self.secret.reveal()) >= UNMISTAKABLE

    def sign(self, request: Request, host: str) -> Outgoing:
        """The request as it goes out to that host, with the key where the upstream wants it."""
        headers = {**HEADERS, **{name.lower(): value for name, value in request.headers.items()}}
        params = ""
        if self.key is not None and self.secret is not None:
            if self.key.header:
                headers[self.key.header.lower()] = self.secret.reveal()
            else:
                params = f"{quote(self.key.param)}={quote(self.secret.reveal(), safe='')}"
        return Outgoing(host + request.target, headers, params, self.address.chosen_by_operator)


class Http:
    """One attempt's client. Each request after the first, or each where it came without a permit, spends its own.

    `spacing` is the least number of seconds between two of its requests; one that could go only after `until`
    (monotonic) is not waited for.
    """

    def __init__(
        self,
        member: str,
        wire: Wire,
        clock: Clock,
        permit: Permit | None,
        another: Callable[[], Permit | Full],
        heard: Callable[[Mapping[str, str]], None],
        *,
        spacing: float = 0.0,
        until: float = math.inf,
    ) -> None:
        self.member = member
        self.requests = 0
        self._came = b""
        self._wire = wire
        self._clock = clock
        self._permits = [permit] if permit is not None else []
        self._unspent = permit
        self._closed = False
        self._another = another
        self._heard = heard
        self._spacing = spacing
        self._until = until
        self._next_at = 0.0
        self._turn = asyncio.Lock()

    async def send(self, request: Request) -> Reply:
        """Send to the member's host and give back a reply of status 200.

        Where that host cannot be reached or does not serve this place, its next host is asked within the same
        try. Raises RateLimited, Unauthorized, UnknownSymbol, InvalidQuery, BadPayload, UpstreamDown, Unavailable
        or UpstreamTimeout, as the status, the provider's failure dictionary or the socket says.
        """
        hosts = self._wire.address.in_order(self._clock.monotonic())
        fault: UpstreamDown | None = None
        for last, host in _flagged(hosts):
            try:
                return await self._exchange(request, host)
            except UpstreamDown as error:
                if isinstance(error, NoQuota) or (error.sent and not isinstance(error, Unavailable)):
                    raise
                self._wire.address.rest(host, self._clock.monotonic())
                fault = fault if isinstance(error, Unavailable) else error
                if last:
                    raise fault or error from None
        raise UpstreamDown("has no host", sent=False)

    @property
    def last_body(self) -> bytes:
        """The first bytes of what came last, inflated and without our key, for the log."""
        return self._came

    async def get(self, path: str, params: Mapping[str, str | int | float | bool] | None = None) -> Reply:
        """`send` for a path and parameters."""
        return await self.send(Request(path, params or {}))

    async def send_all(self, requests: Sequence[Request]) -> list[Reply]:
        """`send` for several at once, in their order; the first error ends the others."""
        sent = [asyncio.ensure_future(self.send(request)) for request in requests]
        try:
            return await asyncio.gather(*sent)
        finally:
            for one in sent:
                one.cancel()

    async def json(self, request: Request, type: type[T]) -> T:
        """`send`, and the body decoded as that type."""
        return msgspec.json.decode((await self.send(request)).body, type=type)

    async def _exchange(self, request: Request, host: str) -> Reply:
        """One request and its reply, at its turn."""
        if not self._spacing:
            return await self._sent(request, host)
        async with self._turn:
            if self._next_at > self._until:
                raise NoQuota("no time for a further request: minimum interval", sent=False)
            if (wait := self._next_at - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
            try:
                return await self._sent(request, host)
            finally:
                if self._unspent is None:
                    self._next_at = self._clock.monotonic() + self._spacing

    async def _sent(self, request: Request, host: str) -> Reply:
        permit = self._spend()
        try:
            incoming = await self._wire.transport.send(self._wire.sign(request, host))
        except UpstreamDown as error:
            if not error.sent:
                self._unspent = permit
            raise
        self.requests += 1
        self._came = b""
        self._heard(incoming.headers)
        body = inflated(incoming.body, incoming.headers.get("content-encoding", ""))
        reply = Reply(incoming.status, incoming.headers, body)
        shown = Reply(reply.status, reply.headers, self._wire.without_secret(body))
        self._came = shown.body[:SHOWN]
        failure = failure_of(shown, self._wire.failures, self._clock.now())
        if failure is None:
            return shown if self._wire.unmistakable else reply
        if isinstance(failure, Unauthorized) and self._wire.secret is None and incoming.status == 403:
            failure = UpstreamDown(failure.detail)
        failure.detail = self._wire.redacted(failure.detail)
        raise failure

    def _spend(self) -> Permit:
        if self._closed:
            raise UpstreamDown("the attempt is over", sent=False)
        permit, self._unspent = self._unspent, None
        if permit is not None:
            return permit
        taken = self._another()
        if isinstance(taken, Full):
            wait = taken.until - self._clock.monotonic()
            raise NoQuota(
                f"no quota for a further request: {taken.reason}",
                sent=False,
                retry_after=wait if math.isfinite(wait) else None,
            )
        self._permits.append(taken)
        return taken

    def close(self, ending: Ending) -> None:
        """The attempt is over: end what was spent, refund what surely was not sent."""
        self._closed = True
        now = self._clock.monotonic()
        for permit in self._permits:
            if permit is self._unspent:
                permit.refund(now)
            else:
                permit.end(ending, now)


def _flagged(hosts: list[str]) -> list[tuple[bool, str]]:
    return [(index == len(hosts) - 1, host) for index, host in enumerate(hosts)]
