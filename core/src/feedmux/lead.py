"""Leads: on each thing that is streamed one process has the lead and streams it; the others hear it from that one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Hashable
from typing import Protocol
from urllib.parse import urlencode

import structlog

from feedmux.clock import Clock
from feedmux.errors import described
from feedmux.query import Query
from feedmux.relay import Relay

LASTS = 5.0
"""Seconds after which a lead that is not renewed ends, and after which whoever cannot reach the relay streams alone."""
EVERY = 1.0
"""Seconds between two renewals."""
PATIENCE = 0.5
"""Seconds that a renewal may take."""
HANDOVER = 3.0
"""Seconds for which a lead that was given up is left to others."""
LEFT = "the process that streamed it has ended its stream"
_log = structlog.get_logger("feedmux.lead")


class Voice(Protocol):
    """Tells the other processes."""

    listens: bool
    """Whether what the others say is heard."""

    def pushed(self, member: str, part: Query, key: Hashable, source: str) -> None: ...

    def lost(self, member: str, part: Query, reason: str) -> None: ...

    def wanted(self, member: str, part: Query) -> None: ...


class Lead:
    """One member's stream of one thing. `held`: it is this process that streams it."""

    def __init__(self, member: str, part: Query, leads: Leads) -> None:
        self.name = f"{member} {part.capability}?{urlencode(part.to_strings(), doseq=True)}"
        self.member = member
        self.part = part
        self.held = False
        self.rests_until = -math.inf
        """It is left to others until then (monotonic)."""
        self._leads = leads
        self._turned = asyncio.Event()

    def put(self, held: bool) -> None:
        """It is held from now on, or not."""
        if held is not self.held:
            self.held = held
            self._turned.set()

    async def until(self, held: bool) -> None:
        """Wait until it is held, or is not. For one task at a time."""
        while self.held is not held:
            self._turned.clear()
            await self._turned.wait()

    def pushed(self, key: Hashable, source: str) -> None:
        """What was kept a moment ago under that key came over this stream."""
        self._leads.voice.pushed(self.member, self.part, key, source)

    def lost(self, reason: str) -> None:
        """Tell those who hear it from here that there is nothing to hear."""
        if self.held:
            self._leads.voice.lost(self.member, self.part, reason)

    def want(self) -> None:
        """Nothing new has come for too long: ask whoever has the lead to give it up, where it hears nothing either."""
        if not self.held:
            self._leads.voice.wanted(self.member, self.part)

    def give_up(self) -> None:
        """Let another process try."""
        if self.held:
            self._leads.give_up(self)


class Leads:
    """All that this process has or wants. Where the relay is lost it leads on everything itself."""

    def __init__(self, relay: Relay, holder: str, clock: Clock, voice: Voice) -> None:
        self.voice = voice
        self._relay = relay
        self._holder = holder
        self._clock = clock
        self._wanted: dict[str, Lead] = {}
        self._leaving: dict[str, Lead] = {}
        self._due = asyncio.Event()
        self._well_at = clock.monotonic()
        self.alone = False
        """The relay has been out of reach for so long that nobody can rely on a lead."""

    def want(self, member: str, part: Query) -> Lead:
        """Have the lead as soon as nobody else has it, until `leave`."""
        lead = Lead(member, part, self)
        lead.held = self.alone
        self._wanted[lead.name] = lead
        self.look()
        return lead

    def leave(self, lead: Lead) -> None:
        """It is streamed here no more."""
        if self._wanted.get(lead.name) is lead:
            del self._wanted[lead.name]
            self._end(lead)

    def give_up(self, lead: Lead) -> None:
        """Let others have it for a moment."""
        lead.rests_until = self._clock.monotonic() + HANDOVER
        self._end(lead)

    def _end(self, lead: Lead) -> None:
        if lead.held:
            lead.put(False)
            self._leaving[lead.name] = lead
            self.look()

    def look(self) -> None:
        """Something may have changed: see at once."""
        self._due.set()

    async def run(self) -> None:
        """Renew for as long as the engine is open."""
        while True:
            try:
                async with asyncio.timeout(EVERY):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            await self.renew()

    async def renew(self) -> None:
        """End what was given up, renew what is held, and try for the rest."""
        leaving, self._leaving = self._leaving, {}
        now = self._clock.monotonic()
        asked = [lead for lead in self._wanted.values() if lead.rests_until <= now]
        try:
            if not self.voice.listens:
                raise ConnectionError("nothing is heard of the others")
            async with asyncio.timeout(PATIENCE):
                if leaving:
                    await self._relay.resign(tuple(leaving), self._holder)
                names = [lead.name for lead in asked]
                held = await self._relay.lead(names, self._holder, LASTS) if names else frozenset[str]()
        except Exception as error:  # noqa: BLE001 - whatever a relay raises, the service goes on
            self._leaving = leaving | self._leaving
            self._failed(described(error))
            return
        self._succeeded()
        for lead in leaving.values():
            self.voice.lost(lead.member, lead.part, LEFT)
        for lead in asked:
            self._granted(lead, lead.name in held)

    def _granted(self, lead: Lead, held: bool) -> None:
        wanted = self._wanted.get(lead.name) is lead and lead.rests_until <= self._clock.monotonic()
        if wanted:
            lead.put(held)
        elif held and lead.name not in self._wanted:  # it was left while it was asked for
            self._leaving[lead.name] = lead
            self.look()

    def _failed(self, reason: str) -> None:
        if self._clock.monotonic() - self._well_at < LASTS:
            return
        if not self.alone:
            self.alone = True
            _log.warning("the relay is lost: streaming without the other processes", reason=reason)
        self._leaving.clear()  # whatever was held has ended by itself
        for lead in self._wanted.values():
            lead.put(True)

    def _succeeded(self) -> None:
        self._well_at = self._clock.monotonic()
        if self.alone:
            self.alone = False
            _log.info("the relay is there again: each thing is streamed once among all processes")

    async def aclose(self) -> None:
        """End every lead in order."""
        for lead in tuple(self._wanted.values()):
            self.leave(lead)
        if self._leaving:
            await self.renew()
