"""What decision logs tell of a time: the questions that can be asked again, and how many cannot, by the reason why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from feedmux.decision import VERSION, Attempt, Began, Decision, Dropped, Line
from feedmux.errors import InvalidQuery, SettingsError, UnknownSymbol
from feedmux.how import How
from feedmux.query import Query
from feedmux.simulate.dialect import SPOKEN
from feedmux.simulate.outcome import LeftOut
from feedmux.symbol import exact

HASHED = "what they ask for stands as a hash"
NOBODY = "nobody knew what they ask for"
FOREIGN = "they name a provider that takes no part"
STRANGE = "this version does not know such a question"
CUT = "cannot be read, cut off in the middle or damaged"
DROPPED = "were dropped when the log was written"
FAR = 1e11
"""Unix seconds that no log is written at."""
EARLIEST, LATEST = -3600.0, 366 * 86_400.0
"""Seconds from when its log was opened at which a question may have been asked; what says otherwise is damaged."""
LONGEST, MOST = 86_400_000.0, 1_000_000
"""Milliseconds that a question or a try may have taken, and requests that a try may have sent; beyond is damage, too."""
_LINE: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class Unreadable(SettingsError):
    """There is nothing in a file that could be asked again."""

    title = "The decision log cannot be replayed"


class Told(Struct, frozen=True):
    """A question of the log that can be asked again, and what the log says of it."""

    query: Query
    how: How
    decision: Decision


class Past(Struct, frozen=True):
    """A time as logs tell it. `restarts` and `began` are Unix seconds; questions stand in the order of their time."""

    told: Sequence[Told]
    restarts: Sequence[float]
    left_out: Sequence[LeftOut]

    @property
    def began(self) -> float:
        """When the first question was asked."""
        return self.told[0].decision.at

    @property
    def seconds(self) -> float:
        """From the first question until the last one ended."""
        return max(one.decision.at + one.decision.ms / 1000 for one in self.told) - self.began

    def attempts(self) -> Iterator[tuple[float, Told, Attempt]]:
        """Each try with the seconds from the first question at which it began.

        The log does not say when: it is taken that the tries of a question were made one after the other.
        """
        for one in self.told:
            at = one.decision.at - self.began
            for attempt in one.decision.attempts:
                yield at, one, attempt
                at += attempt.ms / 1000


def read(files: Sequence[Path], taking_part: Collection[str]) -> Past:
    """What these logs tell together, of questions to these providers; raises Unreadable naming the file and why."""
    decisions, restarts, lost = list[Decision](), list[float](), Counter[str]()
    for file in files:
        _read(file, decisions, restarts, lost)
    decisions.sort(key=lambda decision: decision.at)
    told, requests = list[Told](), dict[str, Counter[str]]()
    for decision in decisions:
        match _again(decision, taking_part):
            case str(why):
                lost[why] += 1
                sent = requests.setdefault(why, Counter())
                for attempt in decision.attempts:
                    sent[attempt.provider] += attempt.requests
            case again:
                told.append(again)
    left_out = [
        LeftOut(why, count, dict(sorted(requests.get(why, Counter()).items())))
        for why, count in sorted(lost.items())
    ]
    if not told:
        raise Unreadable(f"{_named(files)}: {_nothing(left_out)}")
    last = told[-1].decision.at
    return Past(told, [at for at in sorted(restarts) if told[0].decision.at < at <= last], left_out)


def _read(file: Path, decisions: list[Decision], restarts: list[float], lost: Counter[str]) -> None:
    dropped = 0
    try:
        with file.open("rb") as lines:
            opened = _opened(file, lines.readline())
            for line in lines:
                match _decoded(line):
                    case Decision() as decision if _sound(decision, opened):
                        decisions.append(decision)
                    case Began() as began:
                        opened = _at(file, began)
                        restarts.append(opened)
                        dropped = 0
                    case Dropped(lines=so_far):
                        lost[DROPPED] += max(0, so_far - dropped)
                        dropped = so_far
                    case _:
                        lost[CUT] += 1
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror or error}") from None


def _opened(file: Path, first: bytes) -> float:
    """When it was opened, as its first line says, which must be that of a log of this version."""
    if not first:
        raise Unreadable(f"{file} is empty")
    began = _decoded(first)
    if not isinstance(began, Began):
        raise Unreadable(f"{file} is no decision log: its first line does not say which version it is")
    return _at(file, began)


def _at(file: Path, began: Began) -> float:
    if began.version != VERSION:
        raise Unreadable(f"{file} is a log of version {began.version}; this Feedmux reads version {VERSION}")
    if not 0 <= began.at <= FAR:
        raise Unreadable(f"{file} is damaged: it says that it was opened {began.at:g} s after 1970")
    return began.at


def _decoded(line: bytes) -> Line | None:
    """None where it is no line: the last one of a server that was killed, a disk that was full."""
    try:
        return _LINE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _sound(decision: Decision, opened: float) -> bool:
    """Whether a server can have written it."""
    return (
        EARLIEST <= decision.at - opened <= LATEST
        and 0 <= decision.ms <= LONGEST
        and all(0 <= one.ms <= LONGEST and 0 <= one.requests <= MOST for one in decision.attempts)
    )


def _again(decision: Decision, taking_part: Collection[str]) -> Told | str:
    """The question, or why it cannot be asked again."""
    speech = SPOKEN.get(decision.capability)
    if speech is None:
        return f"{decision.capability} cannot be simulated"
    if any(text.startswith("#") for texts in decision.parameters.values() for text in texts):
        return HASHED
    if decision.outcome in (UnknownSymbol.slug, InvalidQuery.slug):
        return NOBODY
    try:
        query: Query = speech.query.from_strings(decision.parameters)
        how = msgspec.convert(decision.how, How)
    except (InvalidQuery, msgspec.ValidationError):
        return STRANGE
    named = {*how.only, *how.prefer, *_providers(query)}
    return Told(query, how, decision) if named <= {*taking_part} else FOREIGN


def _providers(query: Any) -> Iterator[str]:
    """Those that exact assets name."""
    return (named.provider for symbol in query.symbols_asked if (named := exact(symbol)) is not None)


def _named(files: Sequence[Path]) -> str:
    return ", ".join(str(file) for file in files)


def _nothing(left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return "holds no question"
    return "holds no question that could be asked again; " + "; ".join(
        f"{one.count:,}: {one.why}" for one in left_out
    )
