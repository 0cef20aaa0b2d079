"""SIGTERM reaches a server whose event loop is busy, or whose end has begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def served(script: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """A script of these tests that serves, once it has ended."""
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script))],
        cwd=folder,
        capture_output=True,
        timeout=20,
        check=False,
    )


def test_a_sigterm_amid_a_flood_of_wake_ups_is_not_lost(tmp_path: Path) -> None:
    ended = served("flooded.py", tmp_path)
    assert ended.returncode == 0, ended.stderr


def test_to_be_told_again_to_stop_while_the_last_lines_are_written_changes_nothing(tmp_path: Path) -> None:
    ended = served("stopped_twice.py", tmp_path)
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False), ended.stderr
