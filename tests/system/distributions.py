"""Distributions with one provider each, put on a path as pip would: one that is well, and many that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

Done = subprocess.CompletedProcess[str]
GOOD = """
from feedmux import Limits, Quote, Quotes, Terms, hookimpl

class Plugin:
    @hookimpl
    def feedmux_limits(self):
        return Limits(weight=1, serves={Quotes: Terms(ttl=1, batch=50)})

    @hookimpl
    async def feedmux_fetch(self, asked, http):
        return [Quote(symbol=symbol, price=42.0) for symbol in asked.query.symbols]

provider = Plugin()
"""
BROKEN: dict[str, tuple[str, str]] = {
    "imports_what_is_not_there": ("import a_package_that_nobody_has\n", "ModuleNotFoundError"),
    "is_no_python": ("def broken(:\n", "SyntaxError"),
    "exits_at_import": ("raise SystemExit(3)\n", "SystemExit"),
    "raises_a_foreign_error": ("class Odd(BaseException): pass\nraise Odd('at import')\n", "at import"),
    "recurses_at_import": ("def again(): return again()\nagain()\n", "RecursionError"),
    "lacks_its_provider": ("nothing = None\n", "AttributeError"),
    "is_a_number": ("provider = 7\n", "feedmux_limits"),
    "is_none": ("provider = None\n", ""),
    "misspells_a_hook": (GOOD.replace("feedmux_fetch", "feedmux_fetsh"), "feedmux_fetsh"),
    "lacks_a_hook": (GOOD.replace("    @hookimpl\n    async", "    async"), "feedmux_fetch"),
    "has_a_wrong_signature": (GOOD.replace("asked, http)", "asked, http, spare)"), "spare"),
    "raises_in_its_limits": (
        GOOD.replace("        return Limits", "        {}['weight']\n        return Limits"),
        "KeyError",
    ),
    "exits_in_its_limits": (
        GOOD.replace("        return Limits", "        exit(3)\n        return Limits"),
        "SystemExit",
    ),
    "gives_no_limits": (GOOD.replace("return Limits(", "return dict("), "Limits"),
    "has_no_weight": (GOOD.replace("weight=1", "weight=0"), "weight"),
    "has_a_weight_of_nan": (GOOD.replace("weight=1", "weight=float('nan')"), "weight"),
    "has_a_negative_ttl": (GOOD.replace("ttl=1", "ttl=-1"), "ttl"),
    "has_a_ttl_beyond_use": (GOOD.replace("ttl=1", "ttl=1e9"), "max_stale"),
    "has_no_batch": (GOOD.replace("batch=50", "batch=0"), "batch"),
    "is_of_the_future": (
        GOOD.replace("provider = ", "from feedmux import Upstream\n").replace(
            "class Plugin:",
            "class Plugin:\n    @hookimpl\n    def feedmux_upstream(self):\n        return Upstream(api=99)\n",
        )
        + "provider = Plugin()\n",
        "upgrade feedmux",
    ),
    "takes_a_capability": (
        "from feedmux import Query\n"
        "class Mine(Query, frozen=True):\n    capability = 'quotes'\n"
        + GOOD.replace("Quotes: Terms", "Mine: Terms"),
        "quotes",
    ),
    "Has-A-Bad-Name": (GOOD, "lower-case"),
}


def installed(site: Path, name: str, source: str, *, module: str = "", distribution: str = "") -> None:
    """Put a distribution with one provider on a path, as pip would."""
    module, distribution = (
        module or f"module_{name.lower().replace('-', '_')}",
        distribution or f"dist-{name}",
    )
    (site / f"{module}.py").write_text(source)
    info = site / f"{distribution.replace('-', '_')}-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text(f"[feedmux.providers]\n{name} = {module}:provider\n")


def environment(site: Path, plugins: Iterable[str]) -> dict[str, str]:
    """The environment of a process that finds those distributions, loads just these plugins and keeps its state there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FEEDMUX_")}
    return kept | {
        "PYTHONPATH": str(site),
        "FEEDMUX_PLUGINS": ",".join(plugins),
        "XDG_STATE_HOME": str(site / "state"),
    }


def python(site: Path, arguments: Sequence[str], plugins: Iterable[str], *, timeout: float = 30) -> Done:
    """A Python process that finds those distributions, and of what else is installed nothing."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(site, plugins),
        cwd=site,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
