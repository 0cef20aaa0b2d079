"""What the checks found: one line for each, all of them facts or not."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Verdict(Struct, frozen=True):
    """What one check found: nothing where the fact holds. `note` says how much it looked at, or why it was left out."""

    findings: Sequence[str] = ()
    note: str = ""
    left_out: bool = False


class Line(Struct, frozen=True, kw_only=True):
    """One fact and whether it holds."""

    fact: str
    findings: tuple[str, ...] = ()
    note: str = ""
    left_out: bool = False

    def __str__(self) -> str:
        mark = "left out" if self.left_out else "no" if self.findings else "yes"
        more = f" ({self.note})" if self.note else ""
        return "\n".join([f"{mark:8}  {self.fact}{more}", *(f"          - {one}" for one in self.findings)])


class Report(Struct, frozen=True, kw_only=True):
    """All facts about one provider: how many cases it brought, and into how many broken bodies they were made."""

    provider: str
    cases: int
    bodies: int
    passed: bool
    lines: tuple[Line, ...]

    @property
    def end(self) -> str:
        wrong = sum(bool(line.findings) for line in self.lines)
        return f"{wrong} of {len(self.lines)} do not hold" if wrong else "all of it holds"

    def __str__(self) -> str:
        return "\n".join([head(self.provider, self.cases), *map(str, self.lines), self.end])


def head(provider: str, cases: int) -> str:
    """What is checked, as a report begins."""
    return f"{provider}, {counted(cases, 'case')}"


def counted(number: int, noun: str) -> str:
    """Such as 1 case, 3 cases."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
