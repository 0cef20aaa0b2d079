"""Absences: to what each member answered 404 though it is there, one after the other, until it answers anything."""

from __future__ import annotations

from feedmux.query import Query

IN_A_ROW = 5
"""Different things that are there and that it answers 404 to, after which a member is held to be down."""


class Absences:
    """What is absent, by member."""

    def __init__(self) -> None:
        self.rows: dict[str, set[Query]] = {}
        """Empty in good times."""

    def note(self, member: str, part: Query) -> bool:
        """It answered 404 to something that is there; whether that makes so many in a row."""
        row = self.rows.setdefault(member, set())
        if len(row) < IN_A_ROW:
            row.add(part)
        return self.lost(member)

    def lost(self, member: str) -> bool:
        """Whether it is held to be down for what it answered 404 to."""
        return len(self.rows.get(member, ())) >= IN_A_ROW

    def answered(self, member: str) -> None:
        """It answered something: the row begins anew."""
        self.rows.pop(member, None)
