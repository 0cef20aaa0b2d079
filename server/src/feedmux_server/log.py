"""The server's log on stderr: JSON lines, or lines for a person where a terminal reads them or one is chosen."""

from __future__ import annotations

import atexit
import io
import json
import logging
import os
import re
import select
import sys
from collections.abc import Sequence
from typing import Any, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from feedmux.clock import SystemClock
from feedmux.settings import LogForm
from feedmux_server.edge import request_id
from feedmux_server.flood import MORE, WINDOW, Flood
from feedmux_server.scribe import Scribe

QUIET = ("httpx", "httpcore", "_granian", "granian.access", "asyncio", "mcp")
"""Loggers of libraries that would say whole URLs, or what nobody needs: from warnings on."""
STDERR = 2
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IN_TRACEBACK = re.compile(rf"(?![\n\t]){_CONTROL.pattern}")
_log = structlog.get_logger("feedmux.log")


class Log:
    """What this process logs with: who writes it, and what holds floods back."""

    def __init__(self, scribe: Scribe, flood: Flood) -> None:
        self.scribe = scribe
        self._flood = flood

    def close(self) -> None:
        """Say what was held back, and write what waits, for a second at most."""
        self._flood.end()
        self.scribe.close()


def configure(form: LogForm = LogForm.AUTO) -> Log:
    """Let everything that this process logs take the one form; what others log through `logging` included.

    Nobody who logs waits for whoever reads: a thread writes the lines, and those that are not read are dropped.
    """
    person = sys.stderr.isatty() if form is LogForm.AUTO else form is LogForm.TEXT
    shared: list[Processor] = [
        with_request_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if person else "iso", utc=not person),
        without_control_characters,
    ]
    last: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    if person:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback)]
    flood = Flood(SystemClock(), _say_more)
    scribe = Scribe(_put, lambda lines: _rendered("log lines are missing", lines, [*shared, *last]))
    structlog.configure(
        processors=[flood, *shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", scribe)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(scribe)
    handler.addFilter(flood)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    begun = Log(scribe, flood)
    atexit.register(begun.close)
    return begun


def _put(text: bytes) -> int:
    """Write to the descriptor itself, as often as it says to come back: the stream's lock is everybody's."""
    while True:
        try:
            return os.write(STDERR, text)
        except BlockingIOError:
            ready = select.poll()
            ready.register(STDERR, select.POLLOUT)
            ready.poll()


def _say_more(line: str, times: int) -> None:
    _log.warning(MORE, line=line, times=times, seconds=WINDOW)


def _rendered(event: str, lines: int, processors: Sequence[Processor]) -> str:
    """An entry as a line, for whoever cannot log."""
    entry: Any = {"event": event, "lines": lines}
    for processor in processors:
        entry = processor(None, "warning", entry)
    return f"{entry}\n"


def with_request_id(_: Any, __: str, event: EventDict) -> EventDict:
    """Name the request that the line belongs to."""
    if (own := request_id.get()) and "id" not in event and event.get("event") != MORE:
        event["id"] = own
    return event


def without_control_characters(_: Any, __: str, event: EventDict) -> EventDict:
    """One entry is one line, whatever an upstream or a caller sent."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = _CONTROL.sub("?", value)
    return event


def _json(entry: EventDict, default: Any = None, **_: Any) -> str:
    try:
        line = msgspec.json.encode(entry, enc_hook=default).decode()
    except UnicodeEncodeError:  # half a pair of surrogates, as names of files may hold
        line = json.dumps(entry, default=default)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _traceback(stream: TextIO, error: ExcInfo) -> None:
    """Write it for a person: lines stay lines, and whatever else an exception's text does to a terminal is taken out."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, error)
    stream.write(_IN_TRACEBACK.sub("?", plain.getvalue()))
