"""An environment that holds nothing but a distribution and what it says it needs, made of what is installed here."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

DOWNLOADS_NOTHING = ("--disable-pip-version-check", "--quiet", "--no-deps", "--no-index")


def built(sources: list[Path], into: Path) -> dict[str, Path]:
    """The wheels of these projects, by the name of their distribution."""
    pip = (sys.executable, "-m", "pip", "wheel", *DOWNLOADS_NOTHING, "--no-build-isolation", "--wheel-dir")
    done = subprocess.run([*pip, str(into), *map(str, sources)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {wheel.name.split("-")[0].replace("_", "-"): wheel for wheel in into.glob("*.whl")}


def empty(directory: Path) -> Path:
    """An environment without any distribution; gives the directory where they go."""
    venv.create(directory, with_pip=False)
    paths = {"base": str(directory), "platbase": str(directory)}
    return Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))


def install(wheel: Path, site: Path, *extras: str) -> None:
    """Install a wheel there, and link beside it what it requires; raises PackageNotFoundError where that is not here."""
    pip = (sys.executable, "-m", "pip", "install", *DOWNLOADS_NOTHING, "--target")
    done = subprocess.run([*pip, str(site), str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (info,) = site.glob(f"{wheel.name.split('-')[0]}-*.dist-info")
    for name in _needed(metadata.Distribution.at(info), set(), frozenset(extras)):
        if not name.startswith("feedmux"):
            _link(metadata.distribution(name), site)


def _needed(
    distribution: metadata.Distribution, seen: set[str], extras: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The names of all that a distribution requires, and of what that requires."""
    for text in distribution.requires or ():
        requirement = Requirement(text)
        wanted = any(
            requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            for extra in ("", *extras)
        )
        if wanted and requirement.name not in seen:
            seen.add(requirement.name)
            yield requirement.name
            if not requirement.name.startswith("feedmux"):
                yield from _needed(
                    metadata.distribution(requirement.name), seen, frozenset(requirement.extras)
                )


def _link(distribution: metadata.Distribution, site: Path) -> None:
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))
