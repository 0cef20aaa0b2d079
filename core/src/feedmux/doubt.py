"""Doubt: whom others contradicted lately, in how many answers in a row, and what each member said alone."""

from __future__ import annotations

import math
from collections import OrderedDict

from feedmux.clock import Clock
from feedmux.query import Query

SUSPECT_FOR = 600.0
"""Seconds after its last contradiction from when on one word that another shares clears a member."""
WORDS = 1000
"""Of what a member said alone, the newest that are remembered."""


class Record:
    """One member's. Times are monotonic seconds."""

    __slots__ = ("alone", "answers", "contradicted_at", "row", "suspect")

    def __init__(self) -> None:
        self.suspect = False
        self.contradicted_at = -math.inf
        self.row = 0
        self.answers = -1
        """How many answers it had given when it was last contradicted: a batch counts once."""
        self.alone: OrderedDict[Query, float] = OrderedDict()


class Doubts:
    """Records by member. A suspect stays one until, after its time, another says the same as it does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[str, Record] = {}

    def suspects(self, member: str) -> bool:
        """Whether its word alone is not believed where nothing is known."""
        record = self._records.get(member)
        return record is not None and record.suspect

    def agreed(self, member: str, part: Query) -> None:
        """Another member says the same as this one."""
        record = self._records.get(member)
        if record is None:
            return
        record.row = 0
        record.alone.pop(part, None)
        if record.suspect and self._clock.monotonic() >= record.contradicted_at + SUSPECT_FOR:
            record.suspect = False

    def said_alone(self, member: str, part: Query) -> None:
        """Its word was kept, and there is nobody's beside it."""
        alone = self._record(member).alone
        alone[part] = self._clock.monotonic()
        alone.move_to_end(part)
        if len(alone) > WORDS:
            alone.popitem(last=False)

    def suspect(self, member: str) -> None:
        """It stood apart from others: its word alone is not believed for a while."""
        record = self._record(member)
        record.suspect, record.contradicted_at = True, self._clock.monotonic()

    def contradicted(self, member: str, answers: int) -> int:
        """Others contradict it, after so many answers that it gave; in how many of them in a row they have."""
        self.suspect(member)
        record = self._record(member)
        if answers != record.answers:
            record.row, record.answers = record.row + 1, answers
        return record.row

    def taken_back(self, member: str) -> list[Query]:
        """What it said alone within the time for which it is suspected now, each told once."""
        record = self._record(member)
        since = self._clock.monotonic() - SUSPECT_FOR
        parts = [part for part, at in record.alone.items() if at >= since]
        record.alone.clear()
        return parts

    def _record(self, member: str) -> Record:
        record = self._records.get(member)
        if record is None:
            record = self._records[member] = Record()
        return record
