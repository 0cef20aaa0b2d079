"""The hub: one watch for each question whoever listens, and everybody who is connected."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from itertools import count
from typing import ClassVar, Protocol

from feedmux import FeedmuxError, Mux, Query
from feedmux.clock import Chance
from feedmux_server.stream.topic import Listener, Mark, Topic

MOST_TOPICS = 10_000
RESTING = 4096
"""Topics that nobody listens to any more of which it is still known how far they had come."""
PARTING = 2.0
"""Seconds that everybody has to hear that the server stops."""


class Crowded(FeedmuxError):
    """More questions are watched than one engine can keep up with."""

    status: ClassVar[int] = 503
    slug: ClassVar[str] = "overloaded"
    title: ClassVar[str] = "Too much is asked at once"


class Guest(Protocol):
    """Somebody connected."""

    def dismiss(self) -> None:
        """Say that the server stops, and close."""
        ...


class Hub:
    """Knows no protocol and no socket.

    `epoch` names this run of the server: numbers of changes compare only within one.
    """

    def __init__(
        self, mux: Mux, room: int, seed: int | None = None, *, most_topics: int = MOST_TOPICS
    ) -> None:
        self.mux = mux
        self.epoch = f"{Chance(seed).generator('stream').getrandbits(48):012x}"
        self.overtaken = 0
        """Messages that a newer one overtook in a client's mailbox, and changes in topics that have ended."""
        self._room = room
        self._most_topics = most_topics
        self._topics: dict[Query, Topic] = {}
        self._resting: OrderedDict[Query, Mark] = OrderedDict()
        self._lowest = 0
        """Where the numbers of a topic begin of which nothing is known: above all that were forgotten."""
        self._guests: set[Guest] = set()
        self._empty = asyncio.Event()
        self._numbers = count(1)
        self._closed = False

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._guests)

    @property
    def topics(self) -> int:
        """How many questions are watched."""
        return len(self._topics)

    @property
    def dropped(self) -> int:
        """Changes that a newer one overtook before they were sent, since the start."""
        return self.overtaken + sum(topic.conflated for topic in self._topics.values())

    def admit(self, guest: Guest) -> bool:
        """Whether there is room; the guest then stays until `leave`."""
        if self._closed or len(self._guests) >= self._room:
            return False
        self._guests.add(guest)
        self._empty.clear()
        return True

    def leave(self, guest: Guest) -> None:
        """The guest is gone; to be called only after it has left its topics."""
        self._guests.discard(guest)
        if not self._guests:
            self._empty.set()

    def client_id(self) -> str:
        """An id that no two connections share."""
        return f"{self.epoch}-{next(self._numbers)}"

    def join(self, query: Query, listener: Listener) -> Topic:
        """Listen to a question, which is watched from now on; what was last said is in the topic's `last`.

        Raises Crowded.
        """
        topic = self._topics.get(query)
        if topic is None:
            if len(self._topics) >= self._most_topics:
                raise Crowded(f"{self._most_topics} questions are watched already", retry_after=60.0)
            mark = self._resting.pop(query, None) or Mark(self._lowest)
            topic = self._topics[query] = Topic(self.mux, query, mark, self._end)
            topic.begin()
        topic.listeners[listener] = None
        return topic

    def part(self, topic: Topic, listener: Listener) -> None:
        """Listen no more; the last to leave ends the watch."""
        topic.listeners.pop(listener, None)
        if not topic.listeners:
            self._end(topic)

    def _end(self, topic: Topic) -> None:
        if self._topics.get(topic.query) is not topic:
            return
        del self._topics[topic.query]
        topic.end()
        self.overtaken += topic.conflated
        self._resting[topic.query] = topic.mark
        if len(self._resting) > RESTING:
            _, forgotten = self._resting.popitem(last=False)
            self._lowest = max(self._lowest, forgotten.seq)

    async def aclose(self) -> None:
        """Tell everybody that the server stops, and wait a moment for them to leave. Nobody is admitted any more."""
        self._closed = True
        for guest in tuple(self._guests):
            guest.dismiss()
        if self._guests:
            try:
                async with asyncio.timeout(PARTING):
                    await self._empty.wait()
            except TimeoutError:
                pass
        for topic in tuple(self._topics.values()):
            self._end(topic)
