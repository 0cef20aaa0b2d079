"""Where output goes: a person's terminal, a pipe, JSON."""

from __future__ import annotations

import sys
from typing import IO, Any

import msgspec
from rich.console import Console

JSON_HELP = "Print JSON, errors included, or text. By default text in a terminal, JSON in a pipe."
UNBOUND = 1000
"""Columns of what is no terminal: nothing is shortened there."""


def out() -> Console:
    """For answers."""
    return _console(sys.stdout)


def err() -> Console:
    """For what is said beside them."""
    return _console(sys.stderr)


def _console(stream: IO[str]) -> Console:
    width = None if stream.isatty() else UNBOUND
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def wants_json(chosen: bool | None) -> bool:
    """Whether to print JSON: as --json or --text chose, else for a program that reads stdout, not for a person."""
    return chosen if chosen is not None else not sys.stdout.isatty()


def print_json(document: Any, stream: IO[str] | None = None) -> None:
    """One document: in one line, or indented where somebody reads it."""
    stream = stream or sys.stdout
    encoded = msgspec.json.encode(document)
    if stream.isatty():
        encoded = msgspec.json.format(encoded, indent=2)
    stream.write(encoded.decode() + "\n")
    stream.flush()
