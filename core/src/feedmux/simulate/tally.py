"""Counts what callers get, as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from feedmux.simulate.outcome import Moment, Share, Side, percentiles

MOMENTS = 96
WORST = 300.0


class Sent(Struct, frozen=True):
    """What one provider was sent: requests, the seconds at which it refused, how often it banned, windows filled."""

    requests: int
    refusals: Sequence[float] = ()
    banned: int = 0
    used: Mapping[str, float] = {}


class Tally:
    """One side's. Times are seconds from the start."""

    def __init__(self, seconds: float) -> None:
        self.questions = 0
        self.fresh = 0
        self.stale = 0
        self.wrong = 0
        self.lost: Counter[str] = Counter()
        self.given: Counter[str] = Counter()
        self.waits: list[float] = []
        self.waits_for_upstream: list[float] = []
        self.late = 0.0
        """The longest time by which an answer missed its deadline."""
        self._seconds = seconds
        self._moments = [(Counter[str](), Counter[str](), list[float]()) for _ in range(MOMENTS)]

    def answered(
        self, began: float, ended: float, givers: Iterable[str], *, stale: bool, cached: bool
    ) -> None:
        """A question was answered, by these providers; who stands there several times gave as many answers."""
        self.questions += 1
        given, ends, waits = self._moment(began)
        for provider in givers:
            self.given[provider] += 1
            given[provider] += 1
        if stale:
            self.stale += 1
            ends["stale"] += 1
        else:
            self.fresh += 1
        waits.append(ended - began)
        self.waits.append(ended - began)
        if not cached:
            self.waits_for_upstream.append(ended - began)

    def failed(self, began: float, why: str) -> None:
        """A question got an error of that name."""
        self.questions += 1
        self.lost[why] += 1
        self._moment(began)[1]["lost"] += 1

    def side(self, sent: Mapping[str, Sent], broken: Sequence[str] = (), *, judged: bool = True) -> Side:
        """What it came to. `judged`: prices were held against the truth."""
        requests = sum(one.requests for one in sent.values())
        refusals = sorted(at for one in sent.values() for at in one.refusals)
        answers = self.given.total()
        return Side(
            questions=self.questions,
            fresh=self.fresh,
            stale=self.stale,
            lost=dict(sorted(self.lost.items())),
            wrong=self.wrong if judged else None,
            requests=requests,
            refused=len(refusals),
            worst_refused_in_5_min=_most_within(refusals, WORST),
            saved=round(max(0.0, 1 - requests / answers), 4) if answers else 0.0,
            latency_ms=_milliseconds(self.waits),
            upstream_latency_ms=_milliseconds(self.waits_for_upstream),
            providers=[self._share(name, one, answers, requests) for name, one in sent.items()],
            moments=[self._of(place) for place in range(MOMENTS)],
            broken=broken,
        )

    def _moment(self, at: float) -> tuple[Counter[str], Counter[str], list[float]]:
        return self._moments[min(MOMENTS - 1, int(at / self._seconds * MOMENTS))]

    def _of(self, place: int) -> Moment:
        given, ends, waits = self._moments[place]
        return Moment(
            begins=round(place * self._seconds / MOMENTS, 3),
            given=dict(sorted(given.items())),
            stale=ends["stale"],
            lost=ends["lost"],
            median_ms=_milliseconds(waits).get("p50"),
        )

    def _share(self, name: str, sent: Sent, answers: int, requests: int) -> Share:
        return Share(
            provider=name,
            answers=self.given[name],
            share=round(self.given[name] / answers, 4) if answers else 0.0,
            requests=sent.requests,
            traffic=round(sent.requests / requests, 4) if requests else 0.0,
            refused=len(sent.refusals),
            banned=sent.banned,
            used=sent.used,
        )


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    return percentiles([value * 1000 for value in seconds])


def _most_within(times: Sequence[float], seconds: float) -> int:
    """The most of these sorted times that any stretch of that length holds."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
