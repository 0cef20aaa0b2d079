"""A hearing: what several said to one part of a question, who has no voice and why, and who is asked next."""

from __future__ import annotations

from collections.abc import Iterable

from feedmux.cache import Entry
from feedmux.consensus import origins
from feedmux.errand import TRIES, Errand
from feedmux.event import Reason
from feedmux.limits import Tier
from feedmux.panel import Spoken
from feedmux.rotation import Candidate
from feedmux.route import Pins, Route, Skip
from feedmux.speakers import Choice, Speaker, choose

VOICES = 3
"""Voices of different origin that a cross-checked answer is made of, at most."""
ENOUGH = 2
"""Voices beside which no last resort is asked, and nobody in a second round. An emergency is asked beside none."""


class Hearing:
    """Of one part."""

    __slots__ = ("_called", "_errand", "_pins", "_rounds", "left_out", "said")

    def __init__(self, errand: Errand, pins: Pins) -> None:
        self._errand = errand
        self._pins = pins
        self._called: set[str] = set()
        self._rounds = 0
        self.said: list[Spoken] = []
        self.left_out: dict[str, str] = {}
        """Why a member that could have had a voice has none."""

    def recall(self, kept: Iterable[Entry], now: float) -> None:
        """Hear what the cache holds: the newest that are young enough, of the providers that are allowed."""
        oldest, only = now - (self._pins.voices or 0.0), self._pins.only
        fresh = [
            entry
            for entry in sorted(kept, key=lambda entry: -entry.fetched)
            if entry.fetched >= oldest and entry.good_until > now and not (entry.stale or entry.voice)
        ]
        for entry in fresh:
            known = not self._origins.isdisjoint(origins(entry.items[0].origin))
            if not known and (not only or entry.provider in only) and len(self.said) < VOICES:
                self.said.append(Spoken((), entry))

    @property
    def _origins(self) -> frozenset[str]:
        return frozenset(name for one in self.said for name in origins(one.entry.items[0].origin))

    def choice(self, route: Route, now: float) -> Choice:
        """Who is asked next: the first tier that has somebody with data of its own; nobody where that is enough."""
        skips = [skip for skip in route.skips if not self._knows(skip.candidate)]
        self._leave_out(skips)
        ready = [one for one in route.order if not self._knows(one) and self._errand.may_ask(one)]
        while ready and now < self._errand.deadline:
            first, rest = self._ranked(ready)
            if self._is_enough(first[0]):
                break
            room = min(VOICES - len(self.said), max(1, TRIES - self._errand.tries))
            found = choose(first, self._origins, room)
            skips += found.skips
            self._leave_out(found.skips)
            if found.speakers:
                return Choice(found.speakers, tuple(skips), tuple(self._spared(one) for one in rest))
            ready = rest
        skips += [self._spared(one) for one in ready]
        self._leave_out(skips)
        return Choice((), tuple(skips))

    def _knows(self, candidate: Candidate) -> bool:
        """Whether it was called already, or its voice is heard."""
        name = candidate.seat.provider if candidate.fan_out > 1 else candidate.source
        return candidate.name in self._called or any(one.entry.member == name for one in self.said)

    def _ranked(self, ready: list[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
        ranks = {one: 0 if one.seat.provider in self._pins.prefer else one.seat.rank for one in ready}
        lowest = min(ranks.values())
        return [o for o in ready if ranks[o] == lowest], [o for o in ready if ranks[o] != lowest]

    def _is_enough(self, candidate: Candidate) -> bool:
        """Whether what was heard is enough for this one not to be asked."""
        tier, wanted = candidate.seat.tier, candidate.seat.provider in self._pins.prefer
        if len(self.said) < ENOUGH:
            return bool(self.said) and tier is Tier.EMERGENCY and not wanted
        return len(self.said) == VOICES or self._rounds > 0 or not (tier is Tier.PRIMARY or wanted)

    def _spared(self, candidate: Candidate) -> Skip:
        return Skip(candidate, Reason.ENOUGH if candidate.seat.tier is Tier.PRIMARY else Reason.SPARED)

    def _leave_out(self, skips: Iterable[Skip]) -> None:
        for skip in skips:
            if skip.reason not in (Reason.NOT_PINNED, Reason.DISABLED):
                detail = f": {skip.detail}" if skip.detail else ""
                self.left_out[skip.candidate.name] = skip.reason.value + detail

    def call(self, choice: Choice) -> None:
        """These are asked now, and not again."""
        self._rounds += 1
        for speaker in choice.speakers:
            first = speaker.members[0]
            called = first.seat.candidates if first.fan_out > 1 else speaker.members
            self._called |= {one.name for one in called}

    def answered(self, speaker: Speaker, spoken: Spoken | None, why: str) -> None:
        """What came of it: a voice, or why there is none."""
        self._errand.tries += any(one.name in self._errand.asked for one in speaker.members)
        for one in speaker.members:
            self.left_out.pop(one.name, None)
        if spoken is not None:
            self.said.append(spoken)
        else:
            self.left_out[speaker.name] = why
