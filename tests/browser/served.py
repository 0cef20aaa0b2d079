"""`feedmux serve` as a process of its own in the sandbox, with every installed provider and one that cannot be loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

BROKEN = "cannot_be_loaded"
REASON = "a package that nobody has <img src=x onerror=alert(1)>"
TOKEN = "let-me-in"
PATIENCE = 20


class Served:
    """A server in a folder: it can be stopped, and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        _install_broken(folder)
        (folder / "feedmux.toml").write_text(f'[server]\nadmin_token = "{TOKEN}"\n')

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns once it listens."""
        command = ("-m", "feedmux", "serve", "--sandbox", "on", "--port", str(self._port))
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                (sys.executable, *command),
                env=_environment(self._folder),
                cwd=self._folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        told = next((line for line in self._process.stdout if " on http" in line), "")
        assert told, (self._folder / "log").read_text()
        self._port = int(told.rsplit(":", 1)[1])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=PATIENCE)
            self._process = None


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """A server that listens, stopped in the end."""
    server = Served(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _install_broken(site: Path) -> None:
    """Put a distribution on a path, as pip would, whose provider cannot be imported and says so in markup."""
    (site / "broken_module.py").write_text(f"raise ImportError({REASON!r})\n")
    info = site / "feedmux_broken-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: feedmux-broken\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text(f"[feedmux.providers]\n{BROKEN} = broken_module:provider\n")


def _environment(site: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FEEDMUX_")}
    return kept | {"PYTHONPATH": str(site), "XDG_STATE_HOME": str(site / "state")}


def installed() -> set[str]:
    """The distributions that bring providers here."""
    return {point.dist.name for point in entry_points(group="feedmux.providers") if point.dist is not None}
