"""SIGTERM reaches a server whose event loop is busy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_sigterm_amid_a_flood_of_wake_ups_is_not_lost(tmp_path: Path) -> None:
    script = Path(__file__).with_name("flooded.py")
    ended = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, timeout=20, check=False
    )
    assert ended.returncode == 0, ended.stderr
