"""What must hold of a whole run, judged from the upstreams' side and from what callers were told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from feedmux import Answer, Backoff
from feedmux.event import Answered, Considered, Result, Tried
from simulated.engine import at_rest
from simulated.remote import Remote, Span

if TYPE_CHECKING:
    from simulated.engine import World

REFUSALS = (418, 429)


def sound_run(simulated: World, providers: dict[str, tuple[Any, Remote]], asked: int, items: int) -> None:
    """After any run: quotas kept, refusals obeyed, each question ended once, tries bounded, nothing left.

    `asked` are the questions of all callers that were not cancelled, `items` the elements of all questions.
    """
    for name, (declared, remote) in providers.items():
        assert remote.refusals == [], f"{name} received more than its windows allow"
        obeyed(name, remote.spans, declared.feedmux_limits().backoff)
    ended = sum(isinstance(event, Answered) for event in simulated.events)
    assert ended == asked, f"{asked} questions, {ended} ends"
    tries = sum(isinstance(event, Tried) for event in simulated.events)
    panics = sum(isinstance(event, Considered) for event in simulated.events)
    assert tries <= 3.2 * items + panics + 10
    assert at_rest(simulated.mux)


def back_in_use(simulated: World, members: Iterable[str], since: float, within: float) -> None:
    """Each was asked after `since` and answered well, so many seconds after that at the latest."""
    for name in members:
        answers = [
            event.at
            for event in simulated.events
            if isinstance(event, Tried)
            and (event.member, event.result) == (name, Result.ANSWERED)
            and event.at - event.seconds >= since
        ]
        assert answers, f"{name} is well since {since:.0f} and has not answered again"
        assert answers[0] - since <= within, (
            f"{name} was well for {answers[0] - since:.0f} s before it answered"
        )


def obeyed(name: str, spans: Iterable[Span], backoff: Backoff) -> None:
    """Nothing is sent to who refused before its time, and then one probe at a time until an answer came."""
    for shut, until, opened in closings(spans, backoff):
        later = sorted((span for span in spans if span.begun > shut), key=lambda span: span.begun)
        early = [span.begun for span in later if span.begun < until]
        assert not early, f"{name} was closed at {shut:.3f} until {until:.3f} and asked at {early}"
        probes = [span for span in later if until <= span.begun < opened]
        for first, second in pairwise(probes):
            assert second.begun >= first.ended, f"{name} was probed twice at {second.begun:.3f}"


def closings(spans: Iterable[Span], backoff: Backoff) -> list[tuple[float, float, float]]:
    """When it refused, until when it therefore stays closed, and when the next answer or refusal came after that."""
    found: list[tuple[float, float, float]] = []
    refusals, shut, until, open_again = 0, -1.0, -1.0, True
    for span in sorted(spans, key=lambda span: span.ended):
        if span.status in REFUSALS:
            if until > span.ended:
                until = max(until, span.ended + span.asked)
                found[-1] = (shut, until, float("inf"))
                continue
            if not open_again:
                found[-1] = (shut, until, span.ended)
            refusals, open_again = refusals + 1, False
            step = backoff.steps[min(refusals, len(backoff.steps)) - 1]
            shut, until = span.ended, span.ended + max(span.asked, step)
            found.append((shut, until, float("inf")))
        elif span.status == 200 and not open_again and span.begun > shut:
            found[-1] = (shut, until, span.ended)
            refusals, open_again = 0, True
    return found


def young_enough(answer: Answer[Any], now: datetime) -> None:
    """No item is served past its max_stale; of a series the newest counts."""
    ages = [(now - item.observed_at).total_seconds() for item in answer.items if item.observed_at]
    if ages:
        oldest = max(ages) if answer.query.many else min(ages)
        assert oldest <= answer.query.max_stale + 0.001, f"served {oldest:.1f} s old"
