"""Everything that a person may see of a question: log lines, prints. Caught for as long as a block lasts."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from structlog.testing import capture_logs

from feedmux import log


class _Lines(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(self.format(record))


@contextmanager
def heard() -> Iterator[list[str]]:
    """The lines that structlog, the logging module and print would have shown; complete when the block ends."""
    log.default_to_stderr()
    lines: list[str] = []
    handler, root, printed = _Lines(lines), logging.getLogger(), io.StringIO()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with capture_logs() as entries, redirect_stdout(printed), redirect_stderr(printed):
            yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        lines += map(_rendered, entries)
        lines += printed.getvalue().splitlines()


def _rendered(entry: Mapping[str, Any]) -> str:
    error = entry.get("exc_info")
    shown = traceback.format_exception(error) if isinstance(error, BaseException) else ()
    return " ".join([*(f"{name}={value}" for name, value in entry.items()), *shown])
