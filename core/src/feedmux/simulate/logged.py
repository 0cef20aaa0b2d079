"""What a log says that happened, counted as a simulation is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from feedmux.event import Result
from feedmux.query import Query
from feedmux.simulate.occupancy import Spent
from feedmux.simulate.outcome import Side
from feedmux.simulate.past import Past
from feedmux.simulate.tally import Sent, Tally
from feedmux.standing import Standing


def logged_side(past: Past, providers: Sequence[str], seconds: float) -> Side:
    """The log's own, of these providers and whoever else it names."""
    tally = Tally(seconds)
    for one in past.told:
        decision = one.decision
        began = decision.at - past.began
        if decision.outcome in ("fresh", "stale"):
            tally.answered(
                began,
                began + decision.ms / 1000,
                decision.providers,
                stale=decision.outcome == "stale",
                cached=decision.source == "cache",
            )
        else:
            tally.failed(began, decision.outcome)
    return tally.side(_sent(past, dict.fromkeys((*providers, *sorted(tally.given)))), judged=False)


def _sent(past: Past, providers: Iterable[str]) -> Mapping[str, Sent]:
    requests, refusals = Counter[str](), defaultdict[str, list[float]](list)
    for began, _, attempt in past.attempts():
        requests[attempt.provider] += attempt.requests
        if attempt.result == Result.REFUSED.value:
            refusals[attempt.provider].append(began + attempt.ms / 1000)
    names = dict.fromkeys((*providers, *sorted(requests)))
    return {name: Sent(requests[name], sorted(refusals[name])) for name in names}


class Pools:
    """Whose quota a logged try drew on, as these members' declarations have it."""

    def __init__(self, members: Sequence[Standing]) -> None:
        self._by_name = {standing.name: standing for standing in members}
        self._by_source = {standing.source: standing for standing in reversed(members)}
        self._by_provider: dict[str, list[Standing]] = {}
        for standing in members:
            self._by_provider.setdefault(standing.provider, []).append(standing)

    def spent(self, past: Past) -> Mapping[str, list[Spent]]:
        """What each pool gave, by its name; tries of members that there are no more count nowhere."""
        found = defaultdict[str, list[Spent]](list)
        for began, told, attempt in past.attempts():
            standing = self._of(attempt.member, attempt.provider)
            if standing is not None:
                cost = _cost(standing, told.query)
                found[standing.quota.name].append(Spent(began, attempt.requests, cost))
        return found

    def _of(self, member: str, provider: str) -> Standing | None:
        """The member, whichever of its keys it was asked with where these are others now."""
        named = self._by_name.get(member) or self._by_source.get(member.partition("/key-")[0])
        if named is not None:
            return named
        only = self._by_provider.get(provider, [])
        return only[0] if len(only) == 1 else None


def _cost(standing: Standing, query: Query) -> int:
    terms = standing.limits.serves.get(type(query))
    if terms is None:
        return 1
    return terms.cost if isinstance(terms.cost, int) else max(0, int(terms.cost(query)))
