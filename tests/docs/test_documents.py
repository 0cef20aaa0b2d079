"""What README.md and the pages for users say is true: snippets and commands run, links lead to files, tables agree with the code."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from feedmux import errors
from feedmux.breaker import State
from feedmux.cli import problem
from feedmux.errors import FeedmuxError

ROOT = Path(__file__).parents[2]
README, USERS, OPERATORS = (ROOT / name for name in ("README.md", "docs/users.md", "docs/operators.md"))
PAGES = [
    README,
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("[a-z]*/README.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
]
FEEDMUX = (sys.executable, "-c", "from feedmux.cli import main; main()")
PATIENCE = 60
INSIDE = {"ANSWERED", "UNEXPECTED", "WRONG", "UNKNOWN", "UNAVAILABLE", "IN_PART", "INTERRUPTED"}
"""The exit codes that a script may see; a closed pipe's is the shell's own."""


def blocks(page: Path, kind: str) -> list[str]:
    """The texts of a page's code blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def table(page: Path, heading: str) -> dict[str, str]:
    """The second column of a table by its first; the table is the one whose first heading this is."""
    text = page.read_text("utf-8")
    _, found, rest = text.partition(f"\n| {heading} |")
    assert found, f"{page.name} has no table of {heading}"
    rows = [line.split("|") for line in rest.split("\n\n")[0].splitlines()[2:]]
    return {row[1].strip().strip("`"): row[2].strip() for row in rows}


def labelled(page: Path, texts: list[str]) -> list[object]:
    return [pytest.param(text, id=f"{page.name}-{number}") for number, text in enumerate(texts)]


def commands(page: Path) -> list[str]:
    """The console lines of a page that ask `feedmux` something."""
    typed = [line for block in blocks(page, "console") for line in block.splitlines()]
    return [line.removeprefix("$ feedmux ") for line in typed if line.startswith("$ feedmux ")]


def run(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process in a folder of its own, with nothing of ours in its environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FEEDMUX_")}
    return subprocess.run(
        command,
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize(
    "snippet", [*labelled(README, blocks(README, "python")), *labelled(USERS, blocks(USERS, "python"))]
)
def test_python_snippets_run_and_mark_what_is_simulated(snippet: str, tmp_path: Path) -> None:
    config = tmp_path / "sandbox.toml"
    config.write_text('[engine]\nsandbox = "on"\n')
    ran = run(sys.executable, "-W", "error", "-c", snippet, folder=tmp_path, FEEDMUX_CONFIG=str(config))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("symbol ")
    assert "SANDBOX: simulated, no real market data" in ran.stdout


def test_what_the_readme_shows_an_answer_to_look_like_is_what_it_looks_like(tmp_path: Path) -> None:
    (shown,) = (text for text in blocks(README, "text") if text.startswith("symbol"))
    config = tmp_path / "sandbox.toml"
    config.write_text('[engine]\nsandbox = "on"\n')
    (snippet,) = blocks(README, "python")
    ran = run(sys.executable, "-c", snippet, folder=tmp_path, FEEDMUX_CONFIG=str(config))
    assert [line.split()[:1] for line in ran.stdout.splitlines()] == [
        line.split()[:1] for line in shown.splitlines()
    ]
    assert ran.stdout.split("\n")[0].split() == shown.split("\n")[0].split()


@pytest.mark.parametrize("line", commands(USERS))
def test_commands_of_the_users_page_answer_in_full(line: str, tmp_path: Path) -> None:
    ran = run(*FEEDMUX, "--sandbox", "on", *shlex.split(line), folder=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    json.loads(ran.stdout)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?![a-z]+:|#)([^)\s#]+)", text):
        assert (page.parent / target).exists(), target


def test_files_that_the_readme_names_as_proof_are_there() -> None:
    named = re.findall(r"`((?:core|plugins|server|tests)/[^`]+)`", README.read_text("utf-8"))
    assert len(named) >= 6
    for path in named:
        assert list(ROOT.glob(path)), path


def test_the_table_of_states_names_every_state() -> None:
    assert set(table(OPERATORS, "state")) == {state.value for state in State}


def test_the_table_of_exit_codes_is_what_the_command_line_knows() -> None:
    told = {int(code) for code in table(USERS, "exit code")}
    assert told == {getattr(problem, name) for name in INSIDE}
    assert told == {int(code) for code in re.findall(r"\b(\d+) [a-z]", problem.EXIT_CODES)}


def test_the_table_of_errors_names_them_with_their_status() -> None:
    for name, status in table(USERS, "error").items():
        kind = getattr(errors, name)
        assert issubclass(kind, FeedmuxError)
        assert kind.status == int(status)
