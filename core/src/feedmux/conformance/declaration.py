"""Whether what a provider declares of itself can be true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from feedmux.conformance.case import HEALTH, LISTING
from feedmux.conformance.report import Verdict, counted
from feedmux.conformance.subject import Subject
from feedmux.limits import Counts, Limits, Terms, Window
from feedmux.provider import API, Upstream
from feedmux.query import Query
from feedmux.registry import Loaded


def the_declaration_is_sane(subject: Subject) -> Verdict:
    """Windows, costs and ttls go together; hosts, docs and attribution are given; the interface is one of ours."""
    if subject.loaded is None:
        return Verdict([broken.reason for broken in subject.registry.quarantined])
    loaded = subject.loaded
    found = [*_upstream(loaded.upstream), *_steps(loaded.limits)]
    for whose, windows, serves in _every_windows(subject, loaded):
        found += [f"{whose}{problem}" for problem in _windows(windows)]
        for query, terms in serves.items():
            costs = _costs(subject, query, terms)
            found += [f"{whose}{query.capability}: {problem}" for problem in _terms(terms, windows, costs)]
    return Verdict(found)


def every_question_has_a_case(subject: Subject) -> Verdict:
    """Each question it serves, its health check and its listing are shown at work; no case is about anything else."""
    if subject.loaded is None:
        return Verdict()
    known = {case.capability for case in subject.cases if case.succeeds}
    needed = {query.capability for query in subject.loaded.limits.serves}
    needed |= {HEALTH} if "feedmux_health" in subject.registry.calls(subject.name).implements else set()
    needed |= {LISTING for member in subject.members if subject.upstream(member).listing}
    found = [f"{missing}: no case shows its answer" for missing in sorted(needed - known)]
    foreign = {case.name for case in subject.cases if case.capability not in {*needed, HEALTH, LISTING}}
    found += [f"{name}: asks for what it does not serve" for name in sorted(foreign)]
    return Verdict(found, counted(len(subject.cases), "case"))


def _every_windows(
    subject: Subject, loaded: Loaded
) -> Iterator[tuple[str, Sequence[Window], Mapping[type[Query], Terms]]]:
    """Its own windows, each plan's and each member's, with whose they are and what is served within them."""
    yield "", loaded.limits.windows, loaded.limits.serves
    for name, plan in loaded.upstream.plans.items():
        if plan.windows is not None:
            yield f"plan {name}: ", plan.windows, loaded.limits.serves
    for member in loaded.upstream.members:
        if member.limits is not None:
            yield f"member {member.name}: ", member.limits.windows, subject.serves(member.name)


def _windows(windows: Sequence[Window]) -> Iterator[str]:
    for window in windows:
        for other in windows:
            same = window.counts is other.counts and window.per < other.per
            if same and other.limit > window.limit * (other.per / window.per):
                yield f"windows: {said(other)} is never reached within {said(window)}"


def _costs(subject: Subject, query: type[Query], terms: Terms) -> list[int]:
    """What the questions of the cases cost; what is declared where it is a number."""
    if isinstance(terms.cost, int):
        return [terms.cost]
    return [terms.cost(asked) for _, asked in subject.questions() if type(asked) is query]


def _terms(terms: Terms, windows: Iterable[Window], costs: Sequence[int]) -> Iterator[str]:
    for window in windows:
        counts_cost = window.counts is Counts.COST
        for cost in costs:
            units = cost if counts_cost else 1
            if units > window.limit:
                yield f"cost: {units} never fits {said(window)}"
            elif counts_cost and units < 1:
                yield f"cost: {units} is free in {said(window)}"
            elif window.per / terms.ttl * units > window.limit:
                yield f"ttl: one question each {terms.ttl:g} s uses up {said(window)}"


def cost_of(terms: Terms, query: Query) -> int:
    """What a question costs, in units."""
    return terms.cost if isinstance(terms.cost, int) else terms.cost(query)


def said(window: Window) -> str:
    """A window, for a person."""
    return f"{window.limit} {window.counts.value} in {window.per:g} s"


def _steps(limits: Limits) -> Iterator[str]:
    if list(limits.backoff.steps) != sorted(limits.backoff.steps):
        yield f"backoff.steps: grow, got {limits.backoff.steps}"


def _upstream(upstream: Upstream) -> Iterator[str]:
    hosts = [*upstream.hosts, *(host for member in upstream.members for host in member.hosts)]
    for host in hosts:
        if not host.startswith("https://"):
            yield f"hosts: {host[:80]} is not https"
    if hosts and not upstream.docs.startswith(("https://", "http://")):
        yield "docs: the address of the upstream's documentation is missing"
    if hosts and not upstream.attribution:
        yield "attribution: whose data it is, is missing"
    if not 1 <= upstream.api <= API:
        yield f"api: {upstream.api} is no version of the interface; this is {API}"
