"""What the engine logs, on stderr: warnings only, one short line each, none twice."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from feedmux.cell import printable


def configure() -> None:
    """Let structlog write to stderr for as long as the process lasts."""
    structlog.configure(
        processors=[_Once()],
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class _Once:
    """Renders an entry; drops what was said before."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, logger: Any, method: str, entry: MutableMapping[str, Any]) -> str:
        event, error = entry.pop("event", ""), entry.pop("exc_info", None)
        if isinstance(error, BaseException):
            entry["error"] = f"{type(error).__name__}: {error}"
        told = ", ".join(f"{name} {value}" for name, value in entry.items() if value not in (None, ""))
        line = printable(f"{method}: {event}{': ' if told else ''}{told}")[:300]
        if line in self._said:
            raise structlog.DropEvent
        self._said.add(line)
        return line
