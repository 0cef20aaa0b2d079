"""Plugins that take too long to load, that change the process, that are replaced on disk: named, and put right."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedmux.installed import LOOKS_EVERY
from feedmux.registry import Registry

from .distributions import GOOD, Done, installed, python

HANGS = "import threading\ntry:\n    threading.Event().wait()\nexcept Exception:\n    pass\n" + GOOD
STUBBORN = """
import threading
for _ in range(2):
    try:
        threading.Event().wait()
    except BaseException:
        pass
threading.Event().wait()
"""
LOADS = """
import asyncio, json, signal
from feedmux import log
from feedmux.patience import Patience
from feedmux.registry import Registry

async def main():
    alarms = []
    signal.signal(signal.SIGALRM, lambda *_: alarms.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    log.default_to_stderr()
    registry = Registry(Patience(warns=0.3, ends=0.6))
    registry.load_installed()
    signal.raise_signal(signal.SIGALRM)
    limits = registry.calls("good").limits()
    print(json.dumps({
        "loaded": sorted(registry.providers), "weight": limits.weight, "alarms": len(alarms),
        "aside": {one.name: one.reason for one in registry.quarantined},
    }))

asyncio.run(main())
"""
LOADS_IN_A_THREAD = """
import threading
from feedmux import log
from feedmux.patience import Patience
from feedmux.registry import Registry

log.default_to_stderr()
registry = Registry(Patience(warns=0.1, ends=0.3))
loading = threading.Thread(target=registry.load_installed)
loading.start()
loading.join()
print(sorted(registry.providers))
"""
TRESPASSES = (
    """
import asyncio, logging, os, signal, sys
import structlog

print("hello from a plugin")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
logging.basicConfig(level=logging.DEBUG)
structlog.configure(processors=[])
os.environ["SET_BY_A_PLUGIN"] = "CANARY-VALUE"

class Policy(asyncio.DefaultEventLoopPolicy): pass

asyncio.set_event_loop_policy(Policy())
"""
    + GOOD
)
LOOKS = """
import asyncio, json, logging, os, signal
import structlog
import feedmux

def state():
    policy = type(asyncio.get_event_loop_policy()).__name__
    return [signal.getsignal(signal.SIGTERM).name, len(logging.root.handlers), logging.root.level, policy]

async def main():
    before = state()
    async with feedmux.open(feedmux.Settings()) as mux:
        (row,) = mux.providers()
        said = len(structlog.get_config()["processors"])
        print(json.dumps({"before": before, "after": state(), "notes": row.notes, "processors": said}))

asyncio.run(main())
"""


def run(site: Path, script: str, *plugins: str) -> Done:
    """A script in a process that finds these plugins, or `feedmux` with other arguments."""
    arguments = ("-c", script) if "\n" in script else ("-m", "feedmux", *script.split())
    done = python(site, arguments, plugins, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def test_a_plugin_that_hangs_is_named_and_given_up_and_the_others_load(tmp_path: Path) -> None:
    installed(tmp_path, "hangs", HANGS)
    installed(tmp_path, "leans", "import module_hangs\n" + GOOD)
    installed(tmp_path, "stubborn", STUBBORN)
    installed(tmp_path, "good", GOOD)

    done = run(tmp_path, LOADS, "hangs", "leans", "stubborn", "good")

    told = json.loads(done.stdout)
    assert (told["loaded"], told["weight"], told["alarms"]) == (["good"], 1, 2)
    assert sorted(told["aside"]) == ["hangs", "leans", "stubborn"]
    for name, reason in told["aside"].items():
        assert reason == f"import failed: TookTooLong: {name} was still loading after 0.6 s"
    assert done.stderr.count("a plugin is still loading") == 3
    assert "where=module_hangs.py:3" in done.stderr
    assert "good" not in done.stderr


def test_in_a_thread_a_plugin_that_is_slow_is_named_and_waited_for(tmp_path: Path) -> None:
    installed(tmp_path, "slow", "import threading\nthreading.Event().wait(0.6)\n" + GOOD)
    done = run(tmp_path, LOADS_IN_A_THREAD, "slow")
    assert done.stdout.strip() == "['slow']"
    assert done.stderr.count("a plugin is still loading") == 1
    assert "given_up_after=None" in done.stderr


def test_what_an_import_changes_in_the_process_is_put_back_and_told(tmp_path: Path) -> None:
    installed(tmp_path, "odd", TRESPASSES)
    done = run(tmp_path, LOOKS, "odd")
    told = json.loads(done.stdout)
    assert told["after"] == told["before"]
    assert told["processors"] > 0
    assert told["notes"] == [
        "printed 20 characters, which went to standard error",
        "set handlers of signals, which were put back: SIGTERM",
        "configured the log of the whole process, which was put back",
        "set the policy of event loops, which was put back",
        "changed environment variables, which stay changed: SET_BY_A_PLUGIN",
    ]
    assert "hello from a plugin" in done.stderr
    assert done.stderr.count("loading a plugin changed the process") == 5
    assert "CANARY-VALUE" not in done.stderr


def test_the_command_tells_it_and_its_output_is_its_own(tmp_path: Path) -> None:
    installed(tmp_path, "odd", "print('hello')\n" + GOOD)
    note = "printed 6 characters, which went to standard error"
    (row,) = json.loads(run(tmp_path, "--sandbox off providers --json", "odd").stdout)["providers"]
    assert (row["state"], row["notes"]) == ("unknown", [note])
    assert f"odd: {note}" in run(tmp_path, "--sandbox off providers --text", "odd").stdout


@pytest.mark.parametrize(
    ("does", "notes"),
    [
        (
            "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8')",
            ["replaced standard output, which was put back"],
        ),
        (
            "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'utf-8')",
            ["replaced standard output, which was put back"],
        ),
        ("del sys.stdout", ["replaced standard output, which was put back"]),
        ("sys.stdout.close()", []),
        ("sys.stdout.writelines(['a', 'b'])", ["printed 2 characters, which went to standard error"]),
        (
            "signal.signal(signal.SIGRTMIN + 1, signal.SIG_IGN)",
            [f"set handlers of signals, which were put back: {signal.SIGRTMIN + 1}"],
        ),
    ],
)
def test_whatever_a_plugin_does_to_standard_output_or_signals_it_loads_and_others_can_write(
    does: str, notes: list[str], tmp_path: Path
) -> None:
    installed(tmp_path, "odd", f"import io, signal, sys\n{does}\n" + GOOD)
    done = run(tmp_path, LOOKS, "odd")
    assert json.loads(done.stdout)["notes"] == notes
    assert "Exception ignored" not in done.stderr


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("module_replaced", None)


def loaded(site: Path) -> Registry:
    installed(site, "replaced", GOOD)
    registry = Registry()
    registry.load_installed(frozenset({"replaced"}))
    return registry


def upgrade(site: Path) -> None:
    metadata = site / "dist_replaced-1.2.3.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.2.3", "1.3.0"))


def rebuild(site: Path) -> None:
    (site / "dist_replaced-1.2.3.dist-info" / "RECORD").write_text("module_replaced.py,sha256=other,1\n")


def edit(site: Path) -> None:
    (site / "module_replaced.py").write_text(GOOD + "# edited\n")


def uninstall(site: Path) -> None:
    shutil.rmtree(site / "dist_replaced-1.2.3.dist-info")
    (site / "module_replaced.py").unlink()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (upgrade, "changed on disk, now 1.3.0: restart to load it"),
        (rebuild, "changed on disk: restart to load it"),
        (edit, "changed on disk: restart to load it"),
        (uninstall, "uninstalled since the start: it goes on until the restart"),
    ],
)
def test_a_plugin_that_is_another_one_on_disk_goes_on_and_is_told(change: Any, told: str, site: Path) -> None:
    registry = loaded(site)
    assert registry.notes(0.0) == {}
    change(site)
    assert registry.notes(LOOKS_EVERY - 1) == {}
    assert registry.notes(LOOKS_EVERY) == {"dist-replaced": (told,)}
    assert registry.calls("replaced").limits().weight == 1


def test_a_plugin_that_came_back_as_it_was_is_told_of_no_more(site: Path) -> None:
    registry = loaded(site)
    kept = (site / "module_replaced.py").stat()
    edit(site)
    assert registry.notes(0.0)
    (site / "module_replaced.py").write_text(GOOD)
    os.utime(site / "module_replaced.py", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert registry.notes(LOOKS_EVERY) == {}
