"""A case taken from life: one exchange with the real upstream, without anything that is secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

from msgspec.structs import replace

import feedmux
from feedmux.body import inflated
from feedmux.clock import SystemClock
from feedmux.conformance.case import ITEMS, LISTING, Case, Grade
from feedmux.conformance.replay import below, canonical
from feedmux.conformance.subject import Subject
from feedmux.conformance.trial import asked
from feedmux.conformance.watch import Watch
from feedmux.errors import FeedmuxError, UpstreamDown
from feedmux.query import Query
from feedmux.secret import Secret
from feedmux.settings import Settings
from feedmux.transport import Incoming, Network, Outgoing, Transport

Exchange: TypeAlias = tuple[Outgoing, Incoming]
KEPT = ("content-type", "date", "retry-after")
"""The reply headers that a case holds, beside those that count a quota; others may say who asked."""
_COUNTS = re.compile(r"(x-)?rate-?limit")
_SECRET_PARAM = re.compile(r"(?i)([?&][^=&]*(?:key|token|secret|signature|auth|passw)[^=&]*=)[^&]*")


class Recorder:
    """Carries requests as they are, and keeps what was exchanged."""

    simulated = False

    def __init__(self, transport: Transport) -> None:
        self.exchanges: list[Exchange] = []
        self._transport = transport

    async def send(self, outgoing: Outgoing) -> Incoming:
        incoming = await self._transport.send(outgoing)
        self.exchanges.append((outgoing, incoming))
        return incoming

    async def aclose(self) -> None:
        await self._transport.aclose()


async def recorded(
    subject: Subject, wanted: Case, chosen: Settings, transport: Transport | None = None
) -> list[Case]:
    """Ask the upstream once what `wanted` asks, over the network by default; the case it makes.

    Where a listing had to be read first, that is a case as well. Raises the error where nothing was exchanged.
    """
    recorder, clock = Recorder(transport or Network()), SystemClock()
    watch, wanted = Watch(recorder), replace(wanted, asked_at=clock.now())
    extensions, plugins = {"recorder": watch}, {subject.name: subject.plugin}
    async with feedmux.open(chosen, plugins=plugins, extensions=extensions, clock=clock) as mux:
        outcome = await asked(wanted, mux, watch)
    retry_after = getattr(outcome.raised, "retry_after", None)
    told = replace(wanted, expected=outcome.slug, retry_after=retry_after)
    made = _Desk(subject, chosen, wanted.member).cases(recorder.exchanges, told)
    if not made:
        raise outcome.error or UpstreamDown("nothing was sent", sent=False)
    return made


def wanted(capability: str, query: Query | None, member: str) -> Case:
    """What is to be recorded: a question, `health` or `listing`."""
    parameters = query.to_strings() if query else {}
    now = SystemClock().now()
    return Case(capability=capability, parameters=parameters, member=member, asked_at=now, grade=Grade.MADE)


class _Desk:
    """Where exchanges with one provider become cases."""

    def __init__(self, subject: Subject, chosen: Settings, member: str) -> None:
        ours = chosen.provider(subject.name)
        upstream = subject.upstream(member)
        self._keys = ours.keys
        self._own_address = ours.base_url is not None
        self._hosts = (ours.base_url.rstrip("/"),) if ours.base_url else subject.hosts(member)
        self._used = {used.name.lower() for used in upstream.used}
        self._listing = upstream.listing

    def cases(self, exchanges: Sequence[Exchange], told: Case) -> list[Case]:
        """What `told` says, with its exchange, before it the listing that had to be read; none where that was all.

        Its exchange is the last answer to what was asked first: another host's, where the first does not serve.
        """
        if told.capability == LISTING:
            return [self._case(one, told) for one in exchanges[-1:]]
        listings = [one for one in exchanges if self._reads_listing(one)]
        others = [one for one in exchanges if one not in listings]
        if not others:
            return []
        listing = replace(told, capability=LISTING, parameters={}, expected=ITEMS, retry_after=None)
        answers = [one for one in others if self._target(one) == self._target(others[0])]
        return [*(self._case(one, listing) for one in listings[-1:]), self._case(answers[-1], told)]

    def _target(self, exchange: Exchange) -> str:
        return below(exchange[0].url, self._hosts)

    def _reads_listing(self, exchange: Exchange) -> bool:
        own = self._listing.request.target if self._listing else None
        return own is not None and canonical(own) == canonical(self._target(exchange))

    def _case(self, exchange: Exchange, told: Case) -> Case:
        outgoing, incoming = exchange
        target = self._target(exchange)
        host = outgoing.url.removesuffix(target)
        shown = without_keys(_SECRET_PARAM.sub(r"\1***", target), self._keys)
        try:
            content = inflated(incoming.body, incoming.headers.get("content-encoding", ""))
        except FeedmuxError:
            content = incoming.body
        text = without_keys(content.decode("utf-8", "surrogateescape"), self._keys)
        own = self._own_address
        return replace(
            told,
            target=shown,
            status=incoming.status,
            headers=self._kept(incoming.headers),
            grade=Grade.MADE if own else Grade.RECORDED,
            source="an address of the operator's own choice" if own else f"GET {host}{shown}",
        ).with_content(text.encode("utf-8", "surrogateescape"))

    def _kept(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: without_keys(value, self._keys)
            for name, value in headers.items()
            if name in KEPT or name in self._used or _COUNTS.match(name)
        }


def without_keys(text: str, keys: Iterable[Secret]) -> str:
    """The text without these keys, as they are or as an address writes them."""
    for key in keys:
        for written in {key.reveal(), quote(key.reveal()), quote(key.reveal(), safe="")}:
            text = text.replace(written, "***")
    return text
