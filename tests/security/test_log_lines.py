"""Whatever somebody else wrote: one entry of the log is one line, with the fields that it has, in both forms."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from feedmux.settings import LogForm
from feedmux_server import log
from feedmux_server.edge import request_id

from .drawn import HOSTILE, examples

QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
FIELD = re.compile(r"(?:^| )(\w+)=")
ENDS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Whatever a terminal, or anything that reads text, takes for the end of a line."""


pytestmark = pytest.mark.usefixtures("restored_log")


@pytest.fixture(params=[LogForm.JSON, LogForm.TEXT], ids=["json", "text"])
def form(request: pytest.FixtureRequest) -> LogForm:
    """One of the two forms, which the log has."""
    chosen: LogForm = request.param
    log.configure(chosen)
    return chosen


def written(event: str, **fields: object) -> str:
    """The line that this entry becomes, by what renders it."""
    every = structlog.get_config()["processors"]
    entry: Any = {"event": event, **fields}
    for processor in every[every.index(log.with_request_id) :]:
        entry = processor(None, "warning", entry)
    return str(entry)


def fields_of(line: str, form: LogForm) -> list[str]:
    """The names of a line's own fields, as whoever reads it finds them."""
    names = list(json.loads(line)) if form is LogForm.JSON else FIELD.findall(QUOTED.sub("", line))
    return sorted(name for name in names if name not in ("event", "level", "timestamp"))


def ends_within(line: str, form: LogForm) -> bool:
    """Whether whoever reads the log takes it for several: lines of JSON end nowhere but at a line feed."""
    return "\n" in line if form is LogForm.JSON else ENDS.search(line) is not None


@examples(60)
@given(said=HOSTILE, inside=HOSTILE)
def test_an_entry_is_one_line_and_has_the_fields_it_was_given_and_no_other(
    form: LogForm, said: str, inside: str
) -> None:
    line = written("bad payload", provider="alpha", error=said, more=[inside, {"a": inside}])
    assert not ends_within(line, form)
    assert "\x1b" not in line
    assert fields_of(line, form) == ["error", "more", "provider"]


@examples(40)
@given(named=st.text(max_size=70))
def test_a_request_s_own_id_adds_no_other_field(form: LogForm, named: str) -> None:
    token = request_id.set(named)
    try:
        line = written("said")
    finally:
        request_id.reset(token)
    assert ENDS.search(line) is None
    assert fields_of(line, form) == (["id"] if named else [])


@examples(40)
@given(said=HOSTILE)
def test_what_libraries_say_is_one_line_too(form: LogForm, said: str) -> None:
    record = logging.LogRecord("some.library", logging.WARNING, "file", 1, "it said %s", (said,), None)
    assert ENDS.search(logging.root.handlers[0].format(record)) is None


@examples(40)
@given(said=HOSTILE)
def test_an_error_s_text_stays_in_its_field(said: str) -> None:
    log.configure(LogForm.JSON)
    try:
        raise ValueError(said)
    except ValueError as error:
        line = written("a request failed", exc_info=error)
    assert "\n" not in line
    assert fields_of(line, LogForm.JSON) == ["exception"]
