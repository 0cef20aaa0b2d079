"""Whether a provider's requests and what it makes of the replies are as its cases say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from msgspec.structs import replace

from feedmux.conformance.case import Case
from feedmux.conformance.outcome import Outcome
from feedmux.conformance.replay import Constant, below, canonical
from feedmux.conformance.report import Verdict, counted
from feedmux.conformance.subject import Subject
from feedmux.conformance.trial import opened, put, settings, upstream
from feedmux.conformance.watch import Watch
from feedmux.errors import FeedmuxError
from feedmux.query import Query
from feedmux.request import Request

LATER = timedelta(days=400, seconds=12_345)


def requests_depend_on_the_question_alone(subject: Subject) -> Verdict:
    """Asked the same again, at another time, a provider makes an equal request."""
    found = []
    for case, query in subject.questions():
        made = subject.run(_requests(subject, case, query))
        if any(request != made[0] for request in made):
            found.append(
                f"{case.name}: the same question gives {' and '.join(sorted(set(map(_said, made))))}"
            )
    return Verdict(found)


def requests_go_to_the_declared_host(subject: Subject) -> Verdict:
    """What the transport saw went to a declared host, and for what the case says."""
    return Verdict(
        [f"{case.name}: {problem}" for case in subject.cases for problem in _astray(subject, case)]
    )


def cases_with_items_give_items(subject: Subject) -> Verdict:
    """Each answer passes the engine whole: valid, of the right things, in time."""
    found = []
    good = [case for case in subject.cases if case.succeeds]
    for case in good:
        outcome = subject.run(put(subject, case))
        found += [f"{case.name}: {problem}" for problem in _lacks(case, outcome)]
    return Verdict(found, counted(len(good), "case"))


def cases_with_errors_give_those_errors(subject: Subject) -> Verdict:
    """Each refusal is understood: the error, and until when."""
    found = []
    bad = [case for case in subject.cases if not case.succeeds]
    if not bad:
        return Verdict(note="no case is a refusal", left_out=True)
    for case in bad:
        outcome = subject.run(put(subject, case))
        wait = getattr(outcome.raised or outcome.error, "retry_after", None)
        if outcome.slug != case.expected:
            found.append(f"{case.name}: is {_told(outcome)}, not {case.expected}")
        elif case.retry_after is not None and (wait is None or abs(wait - case.retry_after) > 1.0):
            found.append(f"{case.name}: asks to wait {wait} s, not {case.retry_after:g} s")
    return Verdict(found, counted(len(bad), "case"))


def health_is_what_the_upstream_says(subject: Subject) -> Verdict:
    """The health check passes on its case and raises where the upstream answers 500."""
    if "feedmux_health" not in subject.registry.calls(subject.name).implements:
        return Verdict(note="it has no health check", left_out=True)
    cases = [case for case in subject.cases if case.capability == "health" and case.succeeds]
    found = []
    for case in cases:
        if (well := subject.run(put(subject, case))).slug != case.expected:
            found.append(f"{case.name}: a healthy upstream is {_told(well)}")
        if subject.run(put(subject, case, Constant(500, b"internal error"))).slug == case.expected:
            found.append(f"{case.name}: passes where the upstream answers 500")
    return Verdict(found)


async def _requests(subject: Subject, case: Case, query: Query) -> list[Request | None]:
    """What it would send: twice, and once much later. Empty where it is never asked, or refuses."""
    watch = Watch(upstream(subject, case))
    async with opened(subject, watch, case.asked_at, settings(subject, case.member)) as mux:
        try:
            await mux.get(query)
        except FeedmuxError:
            pass  # what came is another check's matter
    calls = subject.registry.calls(subject.name)
    try:
        return [
            calls.request(asked=again)
            for asked in watch.asked[:1]
            for again in (
                asked,
                replace(asked, query=replace(asked.query)),
                replace(asked, at=asked.at + LATER),
            )
        ]
    except FeedmuxError:
        return []


def _said(request: Request | None) -> str:
    return "none" if request is None else request.target


def _astray(subject: Subject, case: Case) -> Iterator[str]:
    outcome = subject.run(put(subject, case))
    hosts = subject.hosts(case.member)
    for outgoing in outcome.sent:
        if below(outgoing.url, hosts) == outgoing.url:
            yield f"a request went to {urlsplit(outgoing.url).netloc}, which is not declared"
    for target in dict.fromkeys(outcome.unanswered):
        yield f"asks for {target[:200]}, for which there is no case"
    sent = [canonical(below(outgoing.url, hosts)) for outgoing in outcome.sent]
    if case.target and canonical(case.target) not in sent:
        yield f"never asks for {case.target[:200]}"


def _lacks(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.slug != case.expected:
        yield f"is {_told(outcome)}"
    elif outcome.error is not None:
        yield f"brings nothing: {outcome.error}"
    if outcome.answer is None:
        return
    for element, why in outcome.answer.missing.items():
        yield f"{element} is missing: {why.detail[:120]}"
    for item in outcome.items:
        if item.observed_at is None or item.observed_at > case.asked_at + timedelta(minutes=5):
            yield f"an item is observed at {item.observed_at}, after it was asked for"


def _told(outcome: Outcome) -> str:
    said = outcome.error or outcome.raised
    return f"{outcome.slug}: {said}"[:200] if said else outcome.slug
