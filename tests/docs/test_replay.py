"""The replay that the page for operators shows is what the command prints, but for its figures."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from tests.docs.test_documents import FEEDMUX, OPERATORS, ROOT, run

HEADING = "## Would these weights have kept us inside the quota?"


def block(section: str, kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def worded(lines: list[str]) -> list[str]:
    """Lines without their figures, which are the engine's."""
    return [re.sub(r"\d[\d,.:]*", "N", line) for line in lines]


def test_the_replay_shown_is_what_is_printed(tmp_path: Path) -> None:
    _, _, section = OPERATORS.read_text("utf-8").partition(HEADING)
    (tmp_path / "new.toml").write_text(block(section, "toml"))
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    command, *shown = block(section, "console").splitlines()

    ran = run(*FEEDMUX, *shlex.split(command.removeprefix("$ feedmux ")), folder=tmp_path)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert worded(ran.stdout.splitlines()[: len(shown)]) == worded(shown)
