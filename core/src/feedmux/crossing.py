"""A crossing: some errands of one kind, each told what several providers of different origin say.

Several are asked at once, along the route that a walk would take. Where nobody has a voice it goes on as a walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from feedmux import consensus
from feedmux.cache import Entry
from feedmux.crossed import SOURCE, Crossed
from feedmux.errand import TRIES, Errand, ending
from feedmux.errors import FeedmuxError, NoProvider
from feedmux.event import Compared, Considered, Event, Held, Reason
from feedmux.hearing import Hearing
from feedmux.items import Quote
from feedmux.panel import Panel, Spoken, unconfirmed
from feedmux.query import Query
from feedmux.rotation import Candidate
from feedmux.route import Pins
from feedmux.speakers import Choice, Speaker
from feedmux.turn import Turns
from feedmux.walk import Walk

if TYPE_CHECKING:
    from feedmux.router import Router


class Crossing:
    """The errands of one flight whose answers are cross-checked."""

    def __init__(self, router: Router, errands: Sequence[Errand], pins: Pins) -> None:
        self._router = router
        self._clock = router.clock
        self._pins = pins
        self._left = {errand.part: errand for errand in errands}
        self._turns = Turns(router, pins)
        self._panel = Panel(router, self._turns, pins, self._left)
        self._hearings = {errand.part: Hearing(errand, pins) for errand in errands}
        self._silent: dict[Query, Errand] = {}
        self._told: set[tuple[str, Reason, str]] = set()
        for errand in errands:
            errand.events = self._turns.events

    def begin(self) -> None:
        """Hear what is fresh in the cache."""
        now, cache = self._clock.monotonic(), self._router.fetcher.keeper.cache
        for part, hearing in self._hearings.items():
            hearing.recall((cache.cell(part) or {}).values(), now)

    def plan(self) -> list[Event]:
        """Who would be asked and why not the others, as events; asks nobody."""
        now, choices = self._clock.monotonic(), [self._choice(part) for part in self._left]
        waiting = [Choice((), choice.waiting) for choice in choices]
        return [*self._skips([*choices, *waiting]), _considered(choices, now)]

    async def run(self) -> None:
        """Ask several at once; every errand is told its end exactly once."""
        try:
            with ending(self._end_all):
                await self._along()
        finally:
            self._end_all(NoProvider("the engine is closing"))

    async def _along(self) -> None:
        while len(self._left) > len(self._silent):
            choices = {part: self._choice(part) for part in self._left if part not in self._silent}
            self._turns.tell(*self._skips(choices.values()))
            asked = {part: choice for part, choice in choices.items() if choice.speakers}
            for part in [part for part in choices if part not in asked]:
                self._conclude(part)
            if asked:
                await self._round(asked)
        if self._silent:
            await self._walk()

    def _choice(self, part: Query) -> Choice:
        route = self._router.route((part,), self._pins)
        return self._hearings[part].choice(route, self._clock.monotonic())

    def _skips(self, choices: Iterable[Choice]) -> list[Event]:
        """The skips of any part that were not told yet."""
        now, new = self._clock.monotonic(), list[Event]()
        for choice in choices:
            for skip in choice.skips:
                told = (skip.candidate.name, skip.reason, skip.detail)
                if told not in self._told:
                    self._told.add(told)
                    new.append(skip.told(now))
        return new

    # asking

    async def _round(self, asked: Mapping[Query, Choice]) -> None:
        """Ask everybody who was chosen at once, and hear them."""
        wanted: dict[Candidate, list[Query]] = {}
        for part, choice in asked.items():
            self._hearings[part].call(choice)
            for speaker in choice.speakers:
                for member in speaker.members:
                    wanted.setdefault(member, []).append(part)
        self._turns.tell(_considered(asked.values(), self._clock.monotonic()))
        said = await self._panel.ask(wanted, self._until(asked))
        for part, choice in asked.items():
            for speaker in choice.speakers:
                self._hear(part, speaker, [one for one in said[part] if one.by[0] in speaker.members])

    def _until(self, asked: Mapping[Query, Choice]) -> float:
        """Until when (monotonic) a round may last: half of what is left where there may be a second one."""
        now, deadline = self._clock.monotonic(), max(self._left[part].deadline for part in asked)
        again = any(
            choice.waiting and self._left[part].tries + len(choice.speakers) < TRIES
            for part, choice in asked.items()
        )
        return now + max(0.0, deadline - now) / (2 if again else 1)

    def _hear(self, part: Query, speaker: Speaker, said: Sequence[Spoken]) -> None:
        """One speaker has had its say: a voice, or why it has none."""
        missed = self._panel.missed.get(part, {})
        why = next((missed[one.name] for one in speaker.members if one.name in missed), "")
        heard = self._word(part, speaker, said)
        if isinstance(heard, FeedmuxError):
            self._left[part].errors.append(heard)
            self._hearings[part].answered(speaker, None, heard.detail)
        else:
            self._hearings[part].answered(speaker, heard, why or ("is stale" if said else "was not free"))

    def _word(self, part: Query, speaker: Speaker, said: Sequence[Spoken]) -> Spoken | FeedmuxError | None:
        """A member's word, or what members of a provider say together, which is kept as its word; nothing stale."""
        if speaker.members[0].fan_out == 1:
            return next((one for one in said if not one.entry.stale), None)
        heard = self._panel.together(part, said)
        if isinstance(heard, Spoken) and not heard.jumped:
            self._panel.keep(part, heard)
        return heard

    # hearing

    def _conclude(self, part: Query) -> None:
        """Nobody is left to be asked: what was heard is put side by side."""
        errand, hearing = self._left[part], self._hearings[part]
        if not hearing.said:
            self._silent[part] = errand
            return
        said = {one.entry.member: one for one in hearing.said}
        crossed = self._crossed(part, [one.entry for one in hearing.said])
        self._tell(crossed)
        first = said[crossed.voices[0].member]
        if crossed.sources == 1 and first.jumped:
            self._router.fetcher.keeper.cache.remember_jump(part, first.entry)
            self._end(errand, unconfirmed(first.by[0]))
            return
        self._weigh(part, crossed, said)
        self._end(errand, self._kept(part, crossed, [one.entry for one in hearing.said]))

    def _crossed(self, part: Query, said: Sequence[Entry]) -> Crossed:
        weights = {seat.provider: seat.weight for seat in self._router.rotations[part.capability].seats}
        quotes = {entry.member: (weights.get(entry.provider, 1.0), _quote(entry)) for entry in said}
        left_out = {name: why for name, why in self._hearings[part].left_out.items() if name not in quotes}
        return consensus.cross(quotes, part.tolerance or 0.0, left_out)

    def _tell(self, crossed: Crossed) -> None:
        now, apart = self._clock.monotonic(), [one for one in crossed.voices if not one.agrees]
        if crossed.price is not None:
            for one in apart:
                told = f"says {one.price:g}, the others {crossed.price:g}"
                self._turns.tell(Held(at=now, member=one.member, what=crossed.symbol, detail=told))
        self._turns.tell(
            Compared(
                at=now,
                what=crossed.symbol,
                price=crossed.price,
                spread=crossed.variance,
                said={one.member: one.price for one in crossed.voices},
                apart=tuple(one.member for one in apart),
                left_out=crossed.left_out,
            )
        )

    def _weigh(self, part: Query, crossed: Crossed, said: Mapping[str, Spoken]) -> None:
        """A jump that others confirm is kept, and remembered where nobody knows.

        It is held against those who stand apart, and what they said is not served to others either.
        """
        keeper, conduct = self._router.fetcher.keeper, self._router.fetcher.conduct
        agrees = {one.member: one.agrees for one in crossed.voices}
        for member, one in said.items():
            if crossed.price is None or member not in agrees:
                if one.jumped:
                    keeper.cache.remember_jump(part, one.entry)
            elif agrees[member]:
                if one.jumped:
                    self._panel.keep(part, one)
            else:
                keeper.cache.forget_jump(part, member)
                keeper.cache.drop(part, member)
                for candidate in one.by:
                    conduct.outlier(candidate.source, part)

    def _kept(self, part: Query, crossed: Crossed, said: Sequence[Entry]) -> Entry:
        """The outcome as an entry, kept for whoever asks the same: its age is that of the oldest voice in it."""
        agreeing = {one.member for one in crossed.voices if one.agrees or crossed.price is None}
        entries = [entry for entry in said if entry.member in agreeing]
        fetched = min(entry.fetched for entry in entries)
        good = min(entry.good_until for entry in entries)
        kept = Entry(
            member=SOURCE,
            provider=SOURCE if crossed.sources > 1 else entries[0].provider,
            items=consensus.agreed(crossed, {entry.member: _quote(entry) for entry in entries}),
            fetched=fetched,
            ttl_until=min(entry.ttl_until for entry in entries),
            good_until=good if crossed.price is not None else fetched + (self._pins.voices or 0.0),
            simulated=any(entry.simulated for entry in entries),
            crossed=crossed,
        )
        self._router.fetcher.keeper.cache.keep(self._pins.key(part), kept)
        return kept

    # where nobody has a voice

    async def _walk(self) -> None:
        """Go on as one question: whoever answers is the only voice."""
        route = self._router.route(tuple(self._silent), self._pins)
        for part, errand in self._silent.items():
            del self._left[part]
            errand.done = partial(self._alone, part, errand.done)
        walk = Walk(self._router, route, tuple(self._silent.values()), self._pins, self._turns)
        walk.begin()
        await walk.run()

    def _alone(
        self, part: Query, done: Callable[[Entry | FeedmuxError], None], end: Entry | FeedmuxError
    ) -> None:
        if isinstance(end, Entry):
            crossed = self._crossed(part, [end])
            self._tell(crossed)
            end = self._kept(part, crossed, [end])
        done(end)

    # the end

    def _end(self, errand: Errand, ending: Entry | FeedmuxError) -> None:
        del self._left[errand.part]
        errand.done(ending)

    def _end_all(self, error: FeedmuxError) -> None:
        for errand in list(self._left.values()):
            self._end(errand, error)


def _considered(choices: Iterable[Choice], now: float) -> Considered:
    """Everybody who is asked for any part, in order."""
    members = (one.name for choice in choices for speaker in choice.speakers for one in speaker.members)
    return Considered(at=now, members=tuple(dict.fromkeys(members)))


def _quote(entry: Entry) -> Quote:
    """What an entry says to a question that can be crossed: one quote."""
    return cast(Quote, entry.items[0])
