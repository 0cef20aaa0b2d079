"""How quick each upstream was and how often it failed, as logged tries tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from feedmux.decision import Attempt
from feedmux.event import Result
from feedmux.simulate.scenario import Latency, Upstream
from feedmux.standing import Standing

ENOUGH = 20
"""Answers from which on they tell how quick somebody is."""
ANSWERED = frozenset({Result.ANSWERED.value, Result.PARTIAL.value})
FAILED = frozenset({Result.DOWN.value, Result.TIMEOUT.value, Result.GARBAGE.value})
QUICKEST = 0.001


class Fits:
    """Each member's upstream: as its own tries found it, else as those of all its provider's members did.

    `unknown` are those who were tried too seldom to tell: they are as a scenario's upstream is by default.
    """

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self.unknown: list[str] = []
        self._tries: defaultdict[str, list[Attempt]] = defaultdict(list)
        for attempt in attempts:
            for name in {attempt.member, attempt.provider}:
                self._tries[name].append(attempt)

    def of(self, standing: Standing) -> Upstream:
        """The upstream that this member is given."""
        for name in (standing.name, standing.source, standing.provider):
            if (found := fitted(self._tries[name])) is not None:
                return found
        self.unknown.append(standing.name)
        return Upstream()


def fitted(tries: Sequence[Attempt]) -> Upstream | None:
    """An upstream as quick and as faulty as these tries found it; None where too few of them were answered."""
    took = sorted(one.ms / 1000 for one in tries if one.result in ANSWERED)
    if len(took) < ENOUGH:
        return None
    failed = sum(one.result in FAILED for one in tries)
    latency = Latency(median=_at(took, 0.5), p99=_at(took, 0.99))
    return Upstream(latency=latency, errors=failed / (failed + len(took)))


def _at(ordered: Sequence[float], share: float) -> float:
    return max(QUICKEST, ordered[min(len(ordered) - 1, int(share * len(ordered)))])
