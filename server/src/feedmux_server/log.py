"""The server's log on stderr: JSON lines, or lines for a person where a terminal reads them or one is chosen."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from feedmux.settings import LogForm
from feedmux_server.edge import request_id

QUIET = ("httpx", "httpcore", "_granian", "granian.access", "asyncio", "mcp")
"""Loggers of libraries that would say whole URLs, or what nobody needs: from warnings on."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(form: LogForm = LogForm.AUTO) -> None:
    """Let everything that this process logs take the one form; what others log through `logging` included."""
    person = sys.stderr.isatty() if form is LogForm.AUTO else form is LogForm.TEXT
    shared: list[Processor] = [
        with_request_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if person else "iso", utc=not person),
        without_control_characters,
    ]
    last: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    if person:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        last = [renderer]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
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


def with_request_id(_: Any, __: str, event: EventDict) -> EventDict:
    """Name the request that the line belongs to."""
    if (own := request_id.get()) and "id" not in event:
        event["id"] = own
    return event


def without_control_characters(_: Any, __: str, event: EventDict) -> EventDict:
    """One entry is one line, whatever an upstream or a caller sent."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = _CONTROL.sub("?", value)
    return event


def _json(entry: EventDict, default: Any = None, **_: Any) -> str:
    return msgspec.json.encode(entry, enc_hook=default).decode()
