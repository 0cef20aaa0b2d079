"""The build goes on without the chart library, and takes no other script for it."""

from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[1] / "hatch_build.py"
NPM = '#!/bin/sh\nfor place; do :; done\ncp "{packed}" "$place/"\n'
"""An npm that packs what it was given; the last argument is where to."""


class Said:
    """What a build tells whoever runs it."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def display_warning(self, text: str) -> None:
        self.warnings.append(text)


def built(root: Path) -> list[str]:
    """Run the hook on a source tree; gives back its warnings."""
    spec = importlib.util.spec_from_file_location("hatch_build", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said: Any = Said()
    vendor(root).mkdir(parents=True)
    (vendor(root) / "lightweight-charts.mjs").write_text("another one, of before")
    module.ChartHook(str(root), {}, None, None, str(root), "wheel", said).initialize("standard", {})
    return list(said.warnings)


def vendor(root: Path) -> Path:
    return root / "src" / "feedmux_server" / "static" / "vendor"


def test_without_npm_the_build_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert built(tmp_path) == ["the page comes without its chart: npm is not installed"]
    assert not vendor(tmp_path).exists()


def test_another_script_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "script"
    script.write_text("export {};")
    packed = tmp_path / "library.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("dist/lightweight-charts.standalone.production.mjs", "LICENSE"):
            archive.add(script, f"package/{name}")
    npm = tmp_path / "npm"
    npm.write_text(NPM.format(packed=packed))
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (warning,) = built(tmp_path)
    assert "is not the file that this package was tested with" in warning
    assert not vendor(tmp_path).exists()


def test_an_npm_that_fails_stops_no_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (warning,) = built(tmp_path)
    assert "the page comes without its chart" in warning
