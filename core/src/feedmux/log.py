"""Where a library's log lines go when nobody has said: warnings, to standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def default_to_stderr() -> None:
    """Unless the application configured structlog: standard error, from warnings on."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(),
                    exception_formatter=structlog.dev.plain_traceback,  # no local variables: they hold keys
                ),
            ],
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever that is by then
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        )
