"""Whether a body gone wrong ever becomes a wrong answer, another error than it should, or a long wait."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from feedmux.clock import Chance
from feedmux.conformance.case import ITEMS, Case
from feedmux.conformance.figures import Figure, Figures, constants
from feedmux.conformance.mutation import mutations, shortened
from feedmux.conformance.outcome import Outcome
from feedmux.conformance.report import Verdict, counted
from feedmux.conformance.subject import Subject
from feedmux.conformance.trial import opened, put, put_anew, settings, upstream
from feedmux.conformance.watch import Watch
from feedmux.errors import BadPayload, Unauthorized, UpstreamDown
from feedmux.failure import failure_of
from feedmux.mux import Mux
from feedmux.query import Query
from feedmux.request import Reply

SEED = 1
LARGE = 8 * 1024
"""Bytes above which a body's lists are cut before it is mutated, so that its every field has its turn."""
ROWS = 2
REPEATS = 10
"""How often a body that took long is read again."""
SHOWN = 5
"""Findings told of one case."""


class Ordeal(Struct):
    """One case's body, gone wrong a thousand times: what was not as it should be."""

    case: Case
    bodies: int
    ends: list[str]
    figures: list[str]
    steps: list[str]


def broken_bodies_end_in_an_answer_or_bad_payload(subject: Subject) -> Verdict:
    """Whatever a body has become, the attempt gives items or the error that its failure dictionary names."""
    return _verdict(subject, [(ordeal, ordeal.ends) for ordeal in ordeals(subject)])


def no_answer_holds_a_number_that_the_body_does_not(subject: Subject) -> Verdict:
    """Junk never becomes a number: what is missing is null or an error, never 0."""
    return _verdict(subject, [(ordeal, ordeal.figures) for ordeal in ordeals(subject)])


def no_step_keeps_the_event_loop(subject: Subject) -> Verdict:
    """No body makes a step of the provider take longer than a quarter of a second; without HTTP, no question."""
    if subject.without_http:
        held = [
            f"{case.name}: a step took {max(outcome.held):.2f} s"
            for case in subject.cases
            if (outcome := subject.run(put(subject, case))).held
        ]
        return Verdict(held, counted(len(subject.cases), "case"))
    return _verdict(subject, [(ordeal, ordeal.steps) for ordeal in ordeals(subject)])


def _verdict(subject: Subject, found: Sequence[tuple[Ordeal, Sequence[str]]]) -> Verdict:
    told = [f"{ordeal.case.name}: {one}" for ordeal, findings in found for one in findings[:SHOWN]]
    told += [
        f"{ordeal.case.name}: and {len(findings) - SHOWN} more"
        for ordeal, findings in found
        if len(findings) > SHOWN
    ]
    return Verdict(told, f"{sum(ordeal.bodies for ordeal, _ in found):,} bodies")


@lru_cache(maxsize=1)
def ordeals(subject: Subject) -> tuple[Ordeal, ...]:
    """Every case with a body, put through it; once for all checks that read it."""
    return tuple(subject.run(_ordeal(subject, case)) for case in subject.cases if case.content)


async def _ordeal(subject: Subject, case: Case) -> Ordeal:
    case = await _short(subject, case)
    query = {one.name: asked for one, asked in subject.questions()}.get(case.name)
    own, figures = _own(case, await put(subject, case), query)
    ordeal = Ordeal(case, 0, [], [f"as it is: {one}" for one in figures], [])
    chance = Chance(SEED).generator(case.name)
    words = [*(query.elements or query.symbols_asked)] if query else []
    watch = Watch(upstream(subject, case))
    async with opened(subject, watch, case.asked_at, settings(subject, case.member)) as first:
        for done, content in mutations(case.content, words, chance, subject.bodies):
            ordeal.bodies += 1
            mutated = case.with_content(content)
            outcome = await put_anew(subject, mutated, first, watch)
            ordeal.ends += [f"{done}: {end}" for end in _ends(subject, mutated, outcome)]
            if outcome.items and query is not None:
                foreign = _foreign(mutated, outcome, query) - own
                ordeal.figures += [f"{done}: {name} is {str(value)[:30]}" for name, value in sorted(foreign)]
            if outcome.held and (again := await _held_again(subject, mutated, first, watch)):
                ordeal.steps.append(f"{done}: a step took {again:.2f} s")
    return ordeal


async def _held_again(subject: Subject, case: Case, first: Mux, watch: Watch) -> float:
    """Seconds of the longest step in the quickest repeat, 0 where one is quick: that a machine is busy is no fault."""
    longest = math.inf
    for _ in range(REPEATS):
        held = (await put_anew(subject, case, first, watch)).held
        if not held:
            return 0.0
        longest = min(longest, max(held))
    return longest


async def _short(subject: Subject, case: Case) -> Case:
    """The case with a body of a few rows, where that answers it as well."""
    if len(case.content) <= LARGE:
        return case
    short = case.with_content(shortened(case.content, ROWS))
    outcome = await put(subject, short)
    return short if outcome.slug == case.expected and bool(outcome.items) == case.is_question else case


def _own(case: Case, whole: Outcome, query: Query | None) -> tuple[set[Figure], list[str]]:
    """What the provider adds of its own to a body that is sound, and what of that it may not."""
    if query is None:
        return set(), []
    foreign = _foreign(case, whole, query)
    own = constants(foreign)
    return own, [f"{name} is {value!r}" for name, value in sorted(foreign - own)]


def _foreign(case: Case, outcome: Outcome, query: Query) -> set[Figure]:
    figures = Figures(case.content)
    return {
        (name, value)
        for item in outcome.items
        for name, value in figures.foreign(item, query)
        if name not in case.derived
    }


def _ends(subject: Subject, case: Case, outcome: Outcome) -> Iterator[str]:
    """A further request that a broken body leads to finds nobody, since no case answers it."""
    allowed = _allowed(subject, case) | ({UpstreamDown.slug} if outcome.unanswered else set())
    if outcome.slug not in allowed:
        yield f"ends in {outcome.slug} ({outcome.raised or outcome.error})"[:200]
    yield from outcome.misdeeds


def _allowed(subject: Subject, case: Case) -> set[str]:
    """How a body may end: in items where its status is 200, as bad payload, as the failure dictionary says."""
    failures = subject.upstream(case.member).failures
    error = failure_of(Reply(case.status, case.headers, case.content), failures, case.asked_at)
    if isinstance(error, Unauthorized) and case.status == 403 and not subject.takes_key:
        error = UpstreamDown(error.detail)  # as the engine takes it: no key was refused
    allowed = {BadPayload.slug}
    if error is None:
        allowed.add(ITEMS)
    else:
        allowed.add(error.slug)
    if case.is_question:
        return allowed | ({UpstreamDown.slug} if "unknown-symbol" in allowed else set())
    return allowed
