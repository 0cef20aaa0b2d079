"""The checks as tests that an author's own tests inherit; pytest collects them, and nothing here needs it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from feedmux.conformance import declaration, hostility, replies
from feedmux.conformance.annotations import the_types_check
from feedmux.conformance.cancellation import cancellation_leaves_nothing_open
from feedmux.conformance.case import recorded
from feedmux.conformance.checks import Check, line
from feedmux.conformance.hour import the_quota_is_never_exceeded
from feedmux.conformance.secrecy import the_key_never_shows
from feedmux.conformance.subject import BODIES, Subject, installed


class Suite:
    """Subclass it as `TestConformance` and name the provider.

    `recordings` is a directory of bodies as they came, with an `index.json` of the cases they make: checked beside
    the cases that the package holds, and not part of it. `bodies` is how many times each body is broken.
    """

    provider: ClassVar[str]
    recordings: ClassVar[Path | None] = None
    bodies: ClassVar[int] = BODIES
    _subject: ClassVar[Subject | None] = None

    def subject(self) -> Subject:
        """The provider and its cases; read once for the class."""
        kind = type(self)
        if kind._subject is None:
            more = recorded(self.recordings) if self.recordings else ()
            kind._subject = installed(self.provider, more, self.bodies)
        return kind._subject

    def check(self, check: Check) -> None:
        """Fail with what the check finds."""
        told = line(check, self.subject())
        if told.findings:
            raise AssertionError(str(told))

    def test_the_declaration_is_sane(self) -> None:
        self.check(declaration.the_declaration_is_sane)

    def test_every_question_has_a_case(self) -> None:
        self.check(declaration.every_question_has_a_case)

    def test_requests_depend_on_the_question_alone(self) -> None:
        self.check(replies.requests_depend_on_the_question_alone)

    def test_requests_go_to_the_declared_host(self) -> None:
        self.check(replies.requests_go_to_the_declared_host)

    def test_cases_with_items_give_items(self) -> None:
        self.check(replies.cases_with_items_give_items)

    def test_cases_with_errors_give_those_errors(self) -> None:
        self.check(replies.cases_with_errors_give_those_errors)

    def test_health_is_what_the_upstream_says(self) -> None:
        self.check(replies.health_is_what_the_upstream_says)

    def test_broken_bodies_end_in_an_answer_or_bad_payload(self) -> None:
        self.check(hostility.broken_bodies_end_in_an_answer_or_bad_payload)

    def test_no_answer_holds_a_number_that_the_body_does_not(self) -> None:
        self.check(hostility.no_answer_holds_a_number_that_the_body_does_not)

    def test_no_step_keeps_the_event_loop(self) -> None:
        self.check(hostility.no_step_keeps_the_event_loop)

    def test_the_key_never_shows(self) -> None:
        self.check(the_key_never_shows)

    def test_cancellation_leaves_nothing_open(self) -> None:
        self.check(cancellation_leaves_nothing_open)

    def test_the_quota_is_never_exceeded(self) -> None:
        self.check(the_quota_is_never_exceeded)

    def test_the_types_check(self) -> None:
        self.check(the_types_check)
