"""Brings the chart library into the package as it is built: npm hands it over, and where it cannot, the page does without."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "lightweight-charts@5.2.1"
FILES = {
    "package/dist/lightweight-charts.standalone.production.mjs": "lightweight-charts.mjs",
    "package/LICENSE": "lightweight-charts.LICENSE",
}
"""What is taken out of the package, and what it is called here."""
DIGEST = "1bb1ee79f9d4dd17261b53d930f7a8995748276f80e7ba0e24412b5068062f5f"
"""SHA-256 of the script: another one is refused."""
PATIENCE = 60


class ChartHook(BuildHookInterface[Any]):
    """Puts the library into `static/vendor`, which is in no repository. A build without it succeeds too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is built, editable or not."""
        folder = Path(self.root) / "src" / "feedmux_server" / "static" / "vendor"
        if not _there(folder):
            try:
                _bring(folder)
            except (OSError, KeyError, ValueError, subprocess.SubprocessError, tarfile.TarError) as error:
                shutil.rmtree(folder, ignore_errors=True)
                self.app.display_warning(f"the page comes without its chart: {error}")


def _script(folder: Path) -> Path:
    return folder / "lightweight-charts.mjs"


def _there(folder: Path) -> bool:
    script = _script(folder)
    return script.is_file() and sha256(script.read_bytes()).hexdigest() == DIGEST


def _bring(folder: Path) -> None:
    """Fetch, unpack and check; raises where any of it fails, and leaves nothing then."""
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("npm is not installed")
    with tempfile.TemporaryDirectory() as place:
        command = (npm, "pack", PACKAGE, "--silent", "--pack-destination", place)
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE, cwd=place)  # noqa: S603 - words of ours
        (packed,) = Path(place).glob("*.tgz")
        with tarfile.open(packed) as archive:
            found = {name: archive.extractfile(path) for path, name in FILES.items()}
            texts = {name: file.read() for name, file in found.items() if file is not None}
    if sha256(texts["lightweight-charts.mjs"]).hexdigest() != DIGEST:
        raise ValueError(f"{PACKAGE} is not the file that this package was tested with")
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_bytes(text)
