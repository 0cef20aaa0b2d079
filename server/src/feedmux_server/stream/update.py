"""What a topic has to say. Each thing is put into words once, whoever hears it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from feedmux import Answer, FeedmuxError

T = TypeVar("T")
U = TypeVar("U", bound="Update")


class Update:
    """Base of all that a topic says."""

    __slots__ = ("_worded",)

    def __init__(self) -> None:
        self._worded: dict[object, Any] = {}

    def worded(self: U, word: Callable[[U], T]) -> T:
        """What `word` makes of it, made at the first time only."""
        if word not in self._worded:
            self._worded[word] = word(self)
        made: T = self._worded[word]
        return made


class Changed(Update):
    """A new answer. `since` is when its oldest item was fetched, in monotonic seconds: its age counts from there.

    `gap` is for how many seconds nothing was heard before it, or before one that it overtook.
    """

    __slots__ = ("answer", "gap", "name", "seq", "since")

    def __init__(self, name: str, seq: int, answer: Answer[Any], since: float, gap: float) -> None:
        super().__init__()
        self.name, self.seq, self.answer, self.since, self.gap = name, seq, answer, since, gap


class Lapsed(Update):
    """Nothing came for so long that the last answer, number `seq`, is none any more."""

    __slots__ = ("name", "seq", "since")

    def __init__(self, name: str, seq: int, since: float) -> None:
        super().__init__()
        self.name, self.seq, self.since = name, seq, since


class Failed(Update):
    """There is no answer. `final`: asking again is no remedy, the topic has ended."""

    __slots__ = ("error", "final", "name")

    def __init__(self, name: str, error: FeedmuxError, final: bool) -> None:
        super().__init__()
        self.name, self.error, self.final = name, error, final
