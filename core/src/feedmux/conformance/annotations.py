"""Whether a provider's code is typed as it says."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from os import devnull
from pathlib import Path

from feedmux.conformance.report import Verdict
from feedmux.conformance.subject import Subject


def the_types_check(subject: Subject) -> Verdict:
    """mypy finds nothing in strict mode, and py.typed says so; left out where mypy is not installed."""
    if subject.package is None:
        return Verdict(note="it is no package", left_out=True)
    found = [] if (subject.package / "py.typed").is_file() else ["py.typed is missing"]
    if find_spec("mypy") is None:
        return Verdict(found, "mypy is not installed", left_out=not found)
    command = (sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--show-error-codes")
    options = (f"--config-file={devnull}", f"--cache-dir={devnull}", *_what(subject.package))
    ran = subprocess.run([*command, *options], capture_output=True, text=True)  # noqa: S603 - our own words
    return Verdict([*found, *(ran.stdout or ran.stderr).splitlines()] if ran.returncode else found)


def _what(package: Path) -> tuple[str, ...]:
    """The package by name where it is installed whole: beside it lies what mypy knows already."""
    installed = package.parent.name in ("site-packages", "dist-packages")
    return ("-p", package.name) if installed else (str(package),)
