"""Counts what callers get, as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from feedmux.items import Item, Quote
from feedmux.query import Query
from feedmux.simulate.market import Market
from feedmux.simulate.outcome import Moment, Share, Side, percentiles
from feedmux.simulate.remote import Remote

MOMENTS = 96
OFF = 0.05
"""A price so far off the truth, as a share, is wrong."""
WORST = 300.0


class Tally:
    """One side's. Times are seconds from the start."""

    def __init__(self, seconds: float, market: Market) -> None:
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
        self._market = market
        self._moments = [(Counter[str](), Counter[str](), list[float]()) for _ in range(MOMENTS)]

    def answered(
        self, query: Query, began: float, ended: float, items: Sequence[Item], *, stale: bool, cached: bool
    ) -> None:
        """A question was answered: with one answer for each of its symbols, or with one series."""
        self.questions += 1
        given, ends, waits = self._moment(began)
        for item in items if query.many else items[:1]:
            self.given[item.provider] += 1
            given[item.provider] += 1
            self.wrong += self._is_wrong(item, ended)
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

    def side(self, remotes: Mapping[str, Remote], broken: Sequence[str] = ()) -> Side:
        """What it came to."""
        requests = sum(remote.requests for remote in remotes.values())
        refusals = sorted(at for remote in remotes.values() for at in remote.refusals)
        answers = self.given.total()
        return Side(
            questions=self.questions,
            fresh=self.fresh,
            stale=self.stale,
            lost=dict(sorted(self.lost.items())),
            wrong=self.wrong,
            requests=requests,
            refused=len(refusals),
            worst_refused_in_5_min=_most_within(refusals, WORST),
            saved=round(max(0.0, 1 - requests / answers), 4) if answers else 0.0,
            latency_ms=_milliseconds(self.waits),
            upstream_latency_ms=_milliseconds(self.waits_for_upstream),
            providers=[self._share(name, remote, answers, requests) for name, remote in remotes.items()],
            moments=[self._of(place) for place in range(MOMENTS)],
            broken=broken,
        )

    def _is_wrong(self, item: Item, now: float) -> bool:
        if not isinstance(item, Quote) or item.stale:
            return False
        truth = self._market.price(item.symbol, now)
        return abs(item.price / truth - 1) > OFF

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

    def _share(self, name: str, remote: Remote, answers: int, requests: int) -> Share:
        return Share(
            provider=name,
            answers=self.given[name],
            share=round(self.given[name] / answers, 4) if answers else 0.0,
            requests=remote.requests,
            traffic=round(remote.requests / requests, 4) if requests else 0.0,
            refused=len(remote.refusals),
            banned=remote.banned,
            used={
                f"{rule.window.limit}/{rule.window.per:g}s": round(
                    rule.used / (rule.window.limit * max(1.0, self._seconds / rule.window.per)), 4
                )
                for rule in remote.rules
            },
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
