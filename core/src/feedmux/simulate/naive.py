"""A client that counts nothing: it asks one provider after the other, in one order, until one answers. No cache."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from feedmux.clock import Clock
from feedmux.errors import BadPayload, FeedmuxError, UpstreamDown
from feedmux.items import Item
from feedmux.limits import Limits
from feedmux.query import Query
from feedmux.request import Asked
from feedmux.simulate.dialect import SPOKEN
from feedmux.simulate.remote import Remote
from feedmux.transport import Incoming, Outgoing

PATIENCE = 10.0
"""Seconds that it waits for one provider."""


class Naive:
    """Asks in the order given."""

    def __init__(
        self, order: Sequence[str], remotes: Mapping[str, Remote], limits: Mapping[str, Limits], clock: Clock
    ) -> None:
        self._order = order
        self._remotes = remotes
        self._limits = limits
        self._clock = clock

    async def get(self, query: Query) -> list[Item]:
        """The first provider's items that come; raises UpstreamDown where none do."""
        for name in self._order:
            if type(query) in self._limits[name].serves:
                try:
                    return await self._ask(name, query)
                except (FeedmuxError, TimeoutError):
                    continue
        raise UpstreamDown("every provider failed")

    async def _ask(self, name: str, query: Query) -> list[Item]:
        asked = Asked(query, at=self._clock.now(), member=name)
        speech = SPOKEN[query.capability]
        request = speech.ask(asked)
        url = f"https://{name}.invalid{request.path}?symbols={request.params['symbols']}"
        async with asyncio.timeout(PATIENCE):
            incoming: Incoming = await self._remotes[name].send(Outgoing(url))
        if incoming.status != 200:
            raise UpstreamDown(f"status {incoming.status}")
        try:
            items = speech.read(incoming.body, asked)
        except msgspec.MsgspecError as error:
            raise BadPayload(str(error)) from error
        return [msgspec.structs.replace(item, provider=name) for item in items]
