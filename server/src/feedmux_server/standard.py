"""Standard input, output and error as whoever started the process left them: closed, or read by nobody."""

from __future__ import annotations

import os
import sys


def hold() -> None:
    """Let those that are closed lead nowhere: else the next file that is opened takes the place, and gets the log."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
