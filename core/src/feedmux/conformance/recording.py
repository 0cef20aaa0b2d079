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
from feedmux.conformance.case import LISTING, Case, Grade
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
    recorder = Recorder(transport or Network())
    watch, clock = Watch(recorder), SystemClock()
    wanted = replace(wanted, asked_at=clock.now())
    extensions, plugins = {"recorder": watch}, {subject.name: subject.plugin}
    async with feedmux.open(chosen, plugins=plugins, extensions=extensions, clock=clock) as mux:
        outcome = await asked(wanted, mux, watch)
    if not recorder.exchanges:
        raise outcome.error or UpstreamDown("nothing was sent", sent=False)
    listings, others = _parted(subject, chosen, recorder.exchanges, wanted)
    made = [
        _case(subject, chosen, one, replace(wanted, capability=LISTING, parameters={}))
        for one in listings[-1:]
    ]
    if others:
        retry_after = outcome.error.retry_after if outcome.error and not wanted.is_question else None
        told = replace(wanted, expected=outcome.slug, retry_after=retry_after)
        made.append(_case(subject, chosen, _last_of_the_first(subject, chosen, others), told))
    return made


def wanted(capability: str, query: Query | None, member: str) -> Case:
    """What is to be recorded: a question, `health` or `listing`."""
    parameters = query.to_strings() if query else {}
    now = SystemClock().now()
    return Case(capability=capability, parameters=parameters, member=member, asked_at=now, grade=Grade.MADE)


def _hosts(subject: Subject, chosen: Settings, member: str) -> Sequence[str]:
    base_url = chosen.provider(subject.name).base_url
    return (base_url.rstrip("/"),) if base_url else subject.hosts(member)


def _parted(
    subject: Subject, chosen: Settings, exchanges: Iterable[Exchange], wanted: Case
) -> tuple[list[Exchange], list[Exchange]]:
    """The exchanges that read a listing, and the rest."""
    source = subject.loaded.upstream.listing if subject.loaded else None
    own = canonical(source.request.target) if source else None
    hosts = _hosts(subject, chosen, wanted.member)
    listings, others = list[Exchange](), list[Exchange]()
    for exchange in exchanges:
        is_listing = wanted.capability == LISTING or canonical(below(exchange[0].url, hosts)) == own
        (listings if is_listing else others).append(exchange)
    return listings, others


def _last_of_the_first(subject: Subject, chosen: Settings, exchanges: Sequence[Exchange]) -> Exchange:
    """The last answer to what was asked first: another host's, where the first did not serve."""
    hosts = _hosts(subject, chosen, "")
    first = below(exchanges[0][0].url, hosts)
    return [exchange for exchange in exchanges if below(exchange[0].url, hosts) == first][-1]


def _case(subject: Subject, chosen: Settings, exchange: Exchange, wanted: Case) -> Case:
    outgoing, incoming = exchange
    ours = chosen.provider(subject.name)
    target = below(outgoing.url, _hosts(subject, chosen, wanted.member))
    host = outgoing.url.removesuffix(target)
    shown = without_key(_SECRET_PARAM.sub(r"\1***", target), ours.api_key)
    try:
        content = inflated(incoming.body, incoming.headers.get("content-encoding", ""))
    except FeedmuxError:
        content = incoming.body
    text = content.decode("utf-8", "surrogateescape")
    case = replace(
        wanted,
        target=shown,
        status=incoming.status,
        headers=_kept(subject, incoming.headers, ours.api_key),
        grade=Grade.MADE if ours.base_url else Grade.RECORDED,
        source="an address of the operator's own choice" if ours.base_url else f"GET {host}{shown}",
    )
    return case.with_content(without_key(text, ours.api_key).encode("utf-8", "surrogateescape"))


def _kept(subject: Subject, headers: Mapping[str, str], key: Secret | None) -> dict[str, str]:
    used = {used.name.lower() for used in subject.loaded.upstream.used} if subject.loaded else set()
    return {
        name: without_key(value, key)
        for name, value in headers.items()
        if name in KEPT or name in used or _COUNTS.match(name)
    }


def without_key(text: str, key: Secret | None) -> str:
    """The text without the key, as it is or as an address writes it."""
    if key is None:
        return text
    for written in {key.reveal(), quote(key.reveal()), quote(key.reveal(), safe="")}:
        text = text.replace(written, "***")
    return text
