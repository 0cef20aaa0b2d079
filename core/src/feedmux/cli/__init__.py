"""The command line: `feedmux get quotes BTC`. What it needs comes with `pip install "feedmux[cli]"`."""

from __future__ import annotations

import os
import sys
import threading

__all__ = ["main"]

_NEEDED = ("click", "rich", "rich_click")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from feedmux.cli.root import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        print('the command line is not installed: pip install "feedmux[cli]"', file=sys.stderr)
        sys.exit(2)
    code = run(sys.argv[1:])
    if threading.active_count() > 1:  # a name look-up that hangs would hold the process
        os._exit(code)
    sys.exit(code)
