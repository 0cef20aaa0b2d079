"""Every check, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from feedmux.conformance import declaration, hostility, replies
from feedmux.conformance.annotations import the_types_check
from feedmux.conformance.cancellation import cancellation_leaves_nothing_open
from feedmux.conformance.echo import heard
from feedmux.conformance.hour import the_quota_is_never_exceeded
from feedmux.conformance.report import Line, Report, Verdict
from feedmux.conformance.secrecy import the_key_never_shows
from feedmux.conformance.subject import Subject
from feedmux.errors import described

Check: TypeAlias = Callable[[Subject], Verdict]
CHECKS: tuple[Check, ...] = (
    declaration.the_declaration_is_sane,
    declaration.every_question_has_a_case,
    replies.requests_depend_on_the_question_alone,
    replies.requests_go_to_the_declared_host,
    replies.cases_with_items_give_items,
    replies.cases_with_errors_give_those_errors,
    replies.health_is_what_the_upstream_says,
    hostility.broken_bodies_end_in_an_answer_or_bad_payload,
    hostility.no_answer_holds_a_number_that_the_body_does_not,
    hostility.no_step_keeps_the_event_loop,
    the_key_never_shows,
    cancellation_leaves_nothing_open,
    the_quota_is_never_exceeded,
    the_types_check,
)


def line(check: Check, subject: Subject) -> Line:
    """One check's line of the report; a check that cannot finish says what was raised."""
    try:
        with heard():  # what the engine logs of broken bodies is what the check reads
            verdict = check(subject)
    except Exception as error:  # noqa: BLE001 - the plugin boundary
        verdict = Verdict([f"raised {described(error)}"])
    return Line(
        fact=check.__name__.replace("_", " "),
        findings=tuple(verdict.findings),
        note=verdict.note,
        left_out=verdict.left_out,
    )


def report(subject: Subject) -> Report:
    """Every check of a provider. Takes seconds: a thousand broken bodies a case are put to the engine."""
    lines = tuple(line(check, subject) for check in CHECKS)
    return Report(provider=subject.name, cases=len(subject.cases), lines=lines)
