"""docs/hooks.md is what the docstrings say, and no page links to what is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "README.md"]


def test_the_page_of_hooks_is_up_to_date() -> None:
    ran = subprocess.run([sys.executable, ROOT / "tools" / "reference.py", "--check"], check=False)
    assert ran.returncode == 0, "run: python tools/reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
