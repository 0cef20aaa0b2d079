"""Prints the workspace's development requirements, one a line, as `pip install -r` reads them."""

import tomllib
from pathlib import Path

workspace = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
print("\n".join(workspace["dependency-groups"]["dev"]))
