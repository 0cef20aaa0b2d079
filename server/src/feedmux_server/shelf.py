"""Replies at hand, by the URL that asked for them: bounded in number and in bytes, the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict

from feedmux_server.question import Question
from feedmux_server.reply import Reply

Url = tuple[str, bytes]
PLACES = 2048
BYTES = 32 * 1024 * 1024
_OVERHEAD = 1024


class Place:
    """What one URL asks, and the last reply to it."""

    __slots__ = ("question", "reply", "size")

    def __init__(self, question: Question, size: int) -> None:
        self.question = question
        self.reply: Reply | None = None
        self.size = size


class Shelf:
    """Places by URL."""

    def __init__(self, places: int = PLACES, room: int = BYTES) -> None:
        self._places: OrderedDict[Url, Place] = OrderedDict()
        self._most = places
        self._room = room
        self.size = 0
        """Bytes held, about."""

    def __len__(self) -> int:
        return len(self._places)

    def find(self, url: Url) -> Place | None:
        """The place of a URL that was asked before."""
        place = self._places.get(url)
        if place is not None:
            self._places.move_to_end(url)
        return place

    def put(self, url: Url, question: Question) -> Place:
        """A place for a URL that was read for the first time."""
        size = _OVERHEAD + len(url[0]) + 3 * len(url[1])
        place = self._places[url] = Place(question, size)
        self.size += size
        self._tidy()
        return place

    def keep(self, url: Url, reply: Reply) -> None:
        """Keep the reply at the URL's place, where it still has one, instead of the one before."""
        place = self._places.get(url)
        if place is None:
            return
        grown = len(reply.body) - (len(place.reply.body) if place.reply else 0)
        place.reply = reply
        place.size += grown
        self.size += grown
        self._tidy()

    def _tidy(self) -> None:
        while self._places and (len(self._places) > self._most or self.size > self._room):
            _, gone = self._places.popitem(last=False)
            self.size -= gone.size
