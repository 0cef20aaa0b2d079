"""Whether a key ever shows: in a log line, an event, an error, an answer or an address."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import msgspec

from feedmux.conformance.case import Case
from feedmux.conformance.echo import heard
from feedmux.conformance.outcome import Outcome
from feedmux.conformance.replay import Constant
from feedmux.conformance.report import Verdict
from feedmux.conformance.subject import Subject
from feedmux.conformance.trial import CANARY, put

ECHOES = (
    (200, f"<html>{CANARY} is not welcome</html>".encode()),
    (200, f'{{"error": "{CANARY}", "message": "{CANARY}", "result": "{CANARY}"}}'.encode()),
    (401, f'{{"error": "the key {CANARY} is wrong"}}'.encode()),
    (400, f"no such parameter: apikey={CANARY}".encode()),
    (500, CANARY.encode()),
)
"""Upstreams that repeat the key they were sent."""


def the_key_never_shows(subject: Subject) -> Verdict:
    """Not even where the upstream repeats it: neither logged nor told, and in no address."""
    if not subject.takes_key:
        return Verdict(note="it takes no key", left_out=True)
    found, asked = list[str](), 0
    for case in subject.cases:
        for transport in (None, *(Constant(status, body) for status, body in ECHOES)):
            asked += 1
            with heard() as lines:
                outcome = subject.run(put(subject, case, transport))
            if isinstance(transport, Constant):
                outcome.sent = transport.seen
            found += [f"{case.name}: {where}" for where in dict.fromkeys(_seen(case, outcome, lines))]
    return Verdict(found, f"{asked} exchanges")


def _seen(case: Case, outcome: Outcome, lines: list[str]) -> Iterator[str]:
    for outgoing in outcome.sent:
        if CANARY in outgoing.url:
            yield "the key stands in an address"
    for line in lines:
        if CANARY in line:
            yield f"the key is logged: {line.replace(CANARY, '<the key>')[:160]}"
    for event in outcome.events:
        if CANARY in str(event):
            yield f"the key is in an event, {type(event).__name__}"
    if outcome.error is not None and CANARY in "".join(traceback.format_exception_only(outcome.error)):
        yield "the key is in what the caller is told"
    if outcome.answer is not None and CANARY in msgspec.json.encode(outcome.answer.document()).decode():
        yield "the key is in the answer"
