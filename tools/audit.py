"""Asks pip-audit about known holes in what is installed; fails for a hole alone, never because nobody could be asked."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

OPTIONS = ("--local", "--skip-editable", "--progress-spinner", "off", "--timeout", "5", "--format", "json")
NOTHING = "nothing was learnt"


def asked(command: Path, limit: float) -> str:
    """What it prints on standard output; empty where it is not there, does not end in time, or says nothing."""
    try:
        return subprocess.run(  # noqa: S603 - a command of the environment's own
            [command, *OPTIONS], capture_output=True, text=True, timeout=limit, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def verdict(printed: str) -> tuple[int, str]:
    """The exit code, 1 for a hole, and what to tell."""
    try:
        found = json.loads(printed)["dependencies"]
    except (ValueError, LookupError, TypeError):
        return 0, f"its service cannot be reached, {NOTHING}"
    known = [one for one in found if "vulns" in one]
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version'}"
        for one in known
        for hole in one["vulns"]
    ]
    if holes:
        return 1, "\n  ".join(["known holes", *holes])
    if not known:
        return 0, f"its service knows none of the {len(found)} that are installed, {NOTHING}"
    return 0, f"no known hole in {len(known)} of {len(found)} that are installed"


def main() -> int:
    """Print one line, or one for each hole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", type=Path, help="pip-audit")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds that it may take")
    given = parser.parse_args()
    if not given.command.is_file():
        print("audit: pip-audit is not installed, nothing was asked")
        return 0
    code, told = verdict(asked(given.command, given.limit))
    print(f"audit: {told}")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
