"""FEEDMUX_PLUGINS is what may be loaded: of anything else that is installed no line runs, and nobody takes a command's name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.distributions import GOOD, environment, installed

GROUPS = {"providers": "provider", "extensions": "extension", "commands": "command"}
EVIL = """
import pathlib
pathlib.Path(__file__).with_suffix(".ran").write_text("")
import click
provider = extension = object()
@click.command()
def command():
    "Not what you think."
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Where one provider is that is well, and three plugins that nobody asked for, one of which calls itself `serve`."""
    installed(tmp_path, "good", GOOD)
    for group, name in GROUPS.items():
        (tmp_path / f"evil_{group}.py").write_text(EVIL)
        info = tmp_path / f"a_evil_{group}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: a-evil-{group}\nVersion: 1.0\n")
        entries = "".join(f"{one} = evil_{group}:{name}\n" for one in ("serve", "evil"))
        (info / "entry_points.txt").write_text(f"[feedmux.{group}]\n{entries}")
    return tmp_path


def feedmux(site: Path, *words: str, allowed: str | None) -> str:
    """What the command prints."""
    given = environment(site, [allowed] if allowed is not None else [])
    if allowed is None:
        del given["FEEDMUX_PLUGINS"]
    done = subprocess.run(
        [sys.executable, "-m", "feedmux", *words],
        env=given,
        cwd=site,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def ran(site: Path) -> list[str]:
    return sorted(file.stem for file in site.glob("*.ran"))


@pytest.mark.parametrize("allowed", ["good", ""])
def test_of_what_is_not_listed_no_line_runs(site: Path, allowed: str) -> None:
    told = feedmux(site, "providers", "--json", allowed=allowed)
    assert ("good" in told) == bool(allowed)
    assert "serve" in feedmux(site, "--help", allowed=allowed)
    assert ran(site) == []


def test_without_a_list_everything_that_is_installed_is_loaded(site: Path) -> None:
    feedmux(site, "providers", "--json", allowed=None)
    assert ran(site) == ["evil_extensions", "evil_providers"]


def test_no_package_takes_the_name_of_the_server_s_command(site: Path) -> None:
    told = feedmux(site, "serve", "--help", allowed=None)
    assert "--workers" in told
    assert "evil_commands" not in ran(site)
