"""`make audit` fails for a known hole, and for nothing else: not where its service is away, slow, or knows nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / "tools" / "audit.py"
KNOWN = {"name": "one", "version": "1.0", "vulns": []}
SKIPPED = {"name": "two", "skip_reason": "Dependency not found on PyPI and could not be audited: two (1.0)"}
HOLED = {"name": "three", "version": "2.0", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["2.1"]}]}


def audited(directory: Path, script: str, *words: str) -> tuple[int, str]:
    """How the audit ends where pip-audit is this script."""
    command = directory / "pip-audit"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o700)
    done = subprocess.run(
        [sys.executable, AUDIT, command, *words], capture_output=True, text=True, timeout=30
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def saying(*dependencies: object, code: int = 0) -> str:
    return f"cat <<'END'\n{json.dumps({'dependencies': dependencies})}\nEND\nexit {code}"


def test_a_known_hole_fails_and_is_named_with_what_mends_it(tmp_path: Path) -> None:
    code, told = audited(tmp_path, saying(KNOWN, HOLED, SKIPPED, code=1))
    assert code == 1
    assert "three 2.0: CVE-2026-1, mended in 2.1" in told


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (saying(KNOWN, SKIPPED), "no known hole in 1 of 2"),
        (saying(SKIPPED), "knows none of the 1 that are installed, nothing was learnt"),
        ("echo 'ERROR: service is unreachable' >&2; exit 1", "cannot be reached, nothing was learnt"),
        ("echo 'a traceback, in which known vulnerabilities occur'; exit 1", "nothing was learnt"),
        ("exec sleep 20", "cannot be reached, nothing was learnt"),
    ],
    ids=["well", "it knows nothing", "it is away", "it breaks", "it hangs"],
)
def test_nothing_else_fails(tmp_path: Path, script: str, told: str) -> None:
    code, said = audited(tmp_path, script, "--limit", "2")
    assert (code, said.count("\n")) == (0, 1)
    assert told in said


def test_where_it_is_not_installed_nobody_is_asked(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, AUDIT, tmp_path / "none"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "audit: pip-audit is not installed, nothing was asked\n"
