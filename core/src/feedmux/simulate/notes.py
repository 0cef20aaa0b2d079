"""What else is to be known of a replay: in what it cannot be as that time was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from feedmux.event import Result
from feedmux.simulate.fitted import ENOUGH
from feedmux.simulate.past import Past
from feedmux.simulate.scenario import Latency
from feedmux.standing import Standing


def notes(
    past: Past, everyone: Sequence[Standing], unknown: Sequence[str], asked: Collection[str]
) -> list[str]:
    """Sentences for a person. `unknown` are members that were tried too seldom to tell how quick they are."""
    return [*_restarts(past), *_absent(past, everyone), *_guessed(unknown, asked), *_unlike(past)]


def _restarts(past: Past) -> Iterator[str]:
    if past.restarts:
        yield f"The log was opened anew {_times(len(past.restarts))}: so was the engine, its cache empty."


def _absent(past: Past, everyone: Sequence[Standing]) -> Iterator[str]:
    """Who takes no part."""
    here = {standing.provider for standing in everyone}
    sent = Counter[str]()
    for _, _, attempt in past.attempts():
        sent[attempt.provider] += attempt.requests
    for name in sorted(sent.keys() - here):
        yield f"{name} takes no part, it is not installed or cannot be simulated; it got {sent[name]:,} requests as logged."
    for why, names in (
        ("disabled", _of(everyone, [one for one in everyone if one.disabled])),
        ("without the key that it needs", _of(everyone, [one for one in everyone if one.needs_key])),
    ):
        if names:
            yield f"Not asked, {why}: {', '.join(names)}."


def _of(everyone: Sequence[Standing], some: Sequence[Standing]) -> list[str]:
    """Their names, a provider's where it is all of its members."""
    names = dict.fromkeys(
        one.provider if all(o in some for o in everyone if o.provider == one.provider) else one.name
        for one in some
    )
    return list(names)


def _guessed(unknown: Sequence[str], asked: Collection[str]) -> Iterator[str]:
    if names := [name for name in unknown if name in asked]:
        usual = Latency()
        yield (
            f"Fewer than {ENOUGH} answers tell how quick these are, so half of theirs take less than "
            f"{usual.median * 1000:.0f} ms and none fails: {', '.join(names)}."
        )


def _unlike(past: Past) -> Iterator[str]:
    """What stand-ins do otherwise than those whom they stand for."""
    refused, tries, requests = Counter[str](), Counter[str](), Counter[str]()
    for _, _, attempt in past.attempts():
        refused[attempt.provider] += attempt.result == Result.REFUSED.value
        tries[attempt.provider] += attempt.requests > 0
        requests[attempt.provider] += attempt.requests
    for name, count in sorted((+refused).items()):
        yield f"{name} refused {_times(count)} as logged; here it refuses only what exceeds its declared limits."
    for name in sorted(requests):
        if requests[name] > tries[name]:
            yield (
                f"{name} got {requests[name]:,} requests for {tries[name]:,} tries as logged; here each try is one."
            )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
