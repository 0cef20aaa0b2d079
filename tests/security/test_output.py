"""The whole run of the tests is searched for keys: a test that prints one fails, though it shows what it is to show."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[2] / "conftest.py"
BEGINS = "CANARY" + "-"


def outcome_of(directory: Path, source: str) -> tuple[int, str]:
    """How a run of that test ends under the conftest of all tests."""
    shutil.copy(CONFTEST, directory / "conftest.py")
    (directory / "test_it.py").write_text(
        f"import logging, subprocess, sys\n\ndef test_it():\n    {source}\n"
    )
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(directory))
    done = subprocess.run(
        [sys.executable, *words, str(directory)], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "source",
    [
        f"print('{BEGINS}1')",
        f"print('x', '{BEGINS}1', file=sys.stderr)",
        f"logging.getLogger('x').warning('sent %s', '{BEGINS}1')",
        f"subprocess.run([sys.executable, '-c', 'print(\"{BEGINS}1\")'])",
    ],
    ids=["stdout", "stderr", "log", "a process"],
)
def test_a_test_whose_output_holds_a_key_fails_and_the_key_is_not_shown(tmp_path: Path, source: str) -> None:
    code, told = outcome_of(tmp_path, source)
    assert code == 1
    assert "holds a key" in told
    assert "1 failed" in told


def test_a_test_that_prints_something_else_passes(tmp_path: Path) -> None:
    code, told = outcome_of(tmp_path, "print('CANARY', 'a key')")
    assert code == 0, told
