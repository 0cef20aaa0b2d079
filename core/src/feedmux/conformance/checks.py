"""Every check, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

ABOUT_BODIES: tuple[Check, ...] = (
    replies.requests_go_to_the_declared_host,
    hostility.broken_bodies_end_in_an_answer_or_bad_payload,
    hostility.no_answer_holds_a_number_that_the_body_does_not,
    the_quota_is_never_exceeded,
)
"""What says nothing about a provider that does without HTTP."""


def fact(check: Check) -> str:
    """What a check finds to be so or not."""
    return check.__name__.replace("_", " ")


def line(check: Check, subject: Subject) -> Line:
    """One check's line of the report; a check that cannot finish says what was raised."""
    if subject.loaded is None and check is not declaration.the_declaration_is_sane:
        verdict = Verdict(note="the provider was set aside", left_out=True)
    elif subject.without_http and check in ABOUT_BODIES:
        verdict = Verdict(note="it declares no host: no requests, no bodies", left_out=True)
    else:
        verdict = _checked(check, subject)
    return Line(
        fact=fact(check), findings=tuple(verdict.findings), note=verdict.note, left_out=verdict.left_out
    )


def _checked(check: Check, subject: Subject) -> Verdict:
    try:
        with heard():  # what the engine logs of broken bodies is what the check reads
            return check(subject)
    except Exception as error:  # noqa: BLE001 - the plugin boundary
        return Verdict([f"raised {described(error)}"])


def report(subject: Subject) -> Report:
    """Every check of a provider. Takes seconds: a thousand broken bodies a case are put to the engine."""
    return concluded(subject, [line(check, subject) for check in CHECKS])


def concluded(subject: Subject, lines: Sequence[Line]) -> Report:
    """The report of these lines."""
    return Report(
        provider=subject.name,
        cases=len(subject.cases),
        bodies=0 if subject.loaded is None else sum(one.bodies for one in hostility.ordeals(subject)),
        passed=not any(one.findings for one in lines),
        lines=tuple(lines),
    )
