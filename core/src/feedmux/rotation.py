"""Whose turn it is: smooth weighted round robin among the providers that serve one question.

Every seat's credit grows by its weight at each turn, and who is asked pays the sum of those that stood ready: over
time each gets its share, and no one gets a run of turns.
"""

from __future__ import annotations

import structlog

from feedmux.limits import Terms, Tier
from feedmux.query import Query
from feedmux.score import Score, factor
from feedmux.standing import Standing

UNKNOWN_COST = 1 << 40
_log = structlog.get_logger("feedmux.rotation")
_RANKS = (Tier.PRIMARY, Tier.LAST_RESORT, Tier.EMERGENCY)


class Candidate:
    """An endpoint in the rotation: one question a member serves, and how well it has done so."""

    __slots__ = (
        "cost",
        "credit",
        "currencies",
        "listed",
        "picky",
        "query",
        "refuses",
        "score",
        "seat",
        "standing",
        "terms",
        "weight",
        "worth",
    )

    def __init__(self, standing: Standing, query: type[Query], terms: Terms, weight: float) -> None:
        self.standing = standing
        self.query = query
        self.terms = terms
        self.cost = terms.cost if isinstance(terms.cost, int) else UNKNOWN_COST
        self.listed = query in standing.upstream.listed
        self.currencies = standing.upstream.currencies.get(query, frozenset())
        self.refuses = standing.upstream.refuses.get(query)
        self.picky = self.listed or bool(self.currencies) or self.refuses is not None
        """It serves only some symbols or currencies, so that each part must be looked at."""
        self.score = Score()
        self.weight = weight
        self.worth = weight
        self.credit = 0.0
        self.seat: Seat

    @property
    def name(self) -> str:
        return self.standing.name

    @property
    def source(self) -> str:
        """Its member, whichever key it is asked with."""
        return self.standing.source

    def cost_of(self, query: Query) -> int:
        """What a request for this question costs; more than any window holds where the plugin cannot say."""
        if isinstance(self.terms.cost, int):
            return self.terms.cost
        try:
            return max(0, int(self.terms.cost(query)))
        except Exception as error:  # noqa: BLE001 - the plugin boundary
            _log.warning("plugin raised", provider=self.name, hook="cost", exc_info=error)
            return UNKNOWN_COST

    def refusal(self, part: Query) -> str:
        """Why this question is not for its provider, empty where it is."""
        if self.refuses is None:
            return ""
        try:
            return self.refuses(part)
        except Exception as error:  # noqa: BLE001 - the plugin boundary
            _log.warning("plugin raised", provider=self.name, hook="refuses", exc_info=error)
            return "its plugin cannot say"

    @property
    def fan_out(self) -> int:
        """How many members of its provider are asked together."""
        if self.terms.fan_out == 1:
            return 1
        return min(self.terms.fan_out, len({candidate.source for candidate in self.seat.candidates}))

    def left(self, now: float) -> tuple[float, float]:
        """The share left of its quota at an even pace, and on average of those of all keys of its member."""
        own = self.standing.quota.paced(now)
        ring = self.standing.ring
        return own, own if len(ring) == 1 else sum(one.quota.paced(now) for one in ring) / len(ring)

    @property
    def next(self) -> float:
        """Credit at the next turn among the members of its seat."""
        return self.credit + self.worth


class Seat:
    """One provider's place: its weight, its credit, and its members, among whom turns go round as well."""

    __slots__ = ("candidates", "credit", "next", "provider", "rank", "tier", "weight", "worth")

    def __init__(self, provider: str, weight: float, tier: Tier, candidates: list[Candidate]) -> None:
        self.provider = provider
        self.weight = weight
        self.tier = tier
        self.rank = _RANKS.index(tier)
        self.candidates = candidates
        self.credit = 0.0
        self.worth = weight
        self.next = weight
        """Credit at the next turn: who has the most is asked first."""
        for candidate in candidates:
            candidate.seat = self

    def rate(self, best: float, now: float) -> bool:
        """Work out the worth anew; True where a short quota lowers it, which time heals."""
        tight = False
        total = declared = 0.0
        for candidate in self.candidates:
            left, of_all = candidate.left(now)
            tight = tight or left < 0.25
            score = candidate.score
            worth = candidate.weight * factor(score.success_share, score.latency, best, of_all)
            candidate.worth = worth * left / of_all if of_all else worth
            total += worth
            declared += candidate.weight
        self.worth = self.weight * total / declared
        self.next = self.credit + self.worth
        return tight


class Rotation:
    """The seats of one question, in no order; `take_turn` is the only thing that moves them."""

    def __init__(self, seats: list[Seat]) -> None:
        self.seats = seats
        self.best = 0.0
        self._tight: set[Seat] = set()

    @property
    def candidates(self) -> list[Candidate]:
        return [candidate for seat in self.seats for candidate in seat.candidates]

    def take_turn(self, candidate: Candidate, ready: list[Candidate], now: float) -> None:
        """The candidate is asked; everyone who stood ready gains, it pays.

        Whoever is put last for being slow takes no part in the turns of the others: it would save them up.
        """
        total = 0.0
        mine, slow = candidate.seat.rank, candidate.score.put_last(now)
        shared: set[Seat] = set()
        for one in ready:
            seat = one.seat
            if (
                seat.rank != mine
                or seat in shared
                or (one.score.slow_until > 0.0 and one.score.put_last(now)) is not slow
            ):
                continue
            if len(seat.candidates) > 1:
                shared.add(seat)
            seat.credit = seat.next
            seat.next += seat.worth
            total += seat.worth
        seat = candidate.seat
        seat.credit -= total
        seat.next -= total
        if len(seat.candidates) > 1:
            _inside(candidate, [one for one in ready if one.score.put_last(now) is slow])

    def rescore(self, candidate: Candidate, now: float) -> None:
        """Something about the candidate changed: its worth follows, and everyone's where the best speed moved."""
        latency = candidate.score.latency
        best = self.best
        if latency and (latency < best or not best):
            self.best = latency
        elif latency > best:
            self.best = min((c.score.latency for c in self.candidates if c.score.latency), default=0.0)
        for seat in self.seats if self.best != best else (candidate.seat,):
            self._rate(seat, now)

    def heal(self, now: float) -> None:
        """Windows free themselves as time passes: rate the seats whose quota ran short anew."""
        for seat in tuple(self._tight):
            self._rate(seat, now)

    def _rate(self, seat: Seat, now: float) -> None:
        (self._tight.add if seat.rate(self.best, now) else self._tight.discard)(seat)


def _inside(candidate: Candidate, ready: list[Candidate]) -> None:
    total = 0.0
    for one in ready:
        if one.seat is candidate.seat:
            one.credit += one.worth
            total += one.worth
    candidate.credit -= total
