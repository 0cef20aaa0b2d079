"""The command line as a process: terminals, pipes, signals, what is not installed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import feedmux

PRELUDE = """
import sys
from importlib.metadata import EntryPoint
from feedmux import Limits, Quote, Quotes, Terms, hookimpl
from feedmux.cli.root import run
from feedmux.cli.setup import Setup

class Quoting:
    @hookimpl
    def feedmux_limits(self):
        return Limits(weight=1, serves={Quotes: Terms(ttl=1, batch=1000)})

    @hookimpl
    async def feedmux_fetch(self, asked, http):
        return [Quote(symbol=symbol, price=1.5) for symbol in asked.query.symbols]

"""
GET = PRELUDE + "sys.exit(run(['get', 'quotes', *sys.argv[1:]], Setup(plugins={'made_up': Quoting()})))"
SLOW = (
    PRELUDE
    + """
import asyncio, signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is inherited as ignored

class Slow(Quoting):
    @hookimpl
    async def feedmux_fetch(self, asked, http):
        print("asked", flush=True)
        await asyncio.Event().wait()

sys.exit(run(["get", "quotes", "BTC", "--deadline", "60"], Setup(plugins={"slow": Slow()})))
"""
)
COMMANDS = (
    PRELUDE
    + """
brought = [EntryPoint("hello", "hello:hello", "feedmux.commands"), EntryPoint("bad", "no_such:it", "feedmux.commands")]
sys.exit(run(sys.argv[1:], Setup(plugins={}, commands=brought)))
"""
)
HELLO = 'import click\n@click.command()\ndef hello():\n    """Say hello."""\n    print("hello")\n'
TIMEOUT = 60


def python(*args: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, **more)  # type: ignore[call-overload, no-any-return]


def test_python_dash_m_is_the_command_line() -> None:
    done = python("-m", "feedmux", "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("feedmux ")


def test_without_its_extra_it_says_what_to_install() -> None:
    for absent in ("click", "rich", "rich_click"):
        done = python(
            "-c", f"import sys; sys.modules[{absent!r}] = None; from feedmux.cli import main; main()"
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert 'pip install "feedmux[cli]"' in done.stderr


def test_only_the_command_line_imports_click_and_rich() -> None:
    package = Path(feedmux.__file__).parent
    for module in package.rglob("*.py"):
        imports = re.findall(
            r"^\s*(?:from|import) (click|rich|rich_click)\b", module.read_text(), re.MULTILINE
        )
        assert not imports or module.parent == package / "cli", module


def test_a_terminal_gets_a_table_and_a_pipe_json() -> None:
    assert json.loads(python("-c", GET, "BTC").stdout)["items"][0]["price"] == 1.5
    screen, terminal = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", GET, "BTC"],
        stdout=terminal,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        timeout=TIMEOUT,
        check=False,
    )
    os.close(terminal)
    drawn = os.read(screen, 65_536).decode()
    os.close(screen)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "symbol" in drawn
    assert "1.50" in drawn
    assert "{" not in drawn


def test_an_error_of_the_engine_is_told_without_a_traceback() -> None:
    done = python("-c", GET, "B TC")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_an_interrupt_ends_with_130_and_without_a_word() -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert asking.stdout is not None
    assert asking.stdout.readline() == "asked\n"
    asking.send_signal(signal.SIGINT)
    _, said = asking.communicate(timeout=TIMEOUT)
    assert asking.returncode == 130
    assert said.strip() == ""


def test_a_closed_pipe_is_no_reason_for_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    asking = subprocess.Popen(
        [sys.executable, "-c", GET, *(f"C{n}" for n in range(900))], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    _, said = asking.communicate(timeout=TIMEOUT)
    assert said == b""
    assert asking.returncode == 141


def test_commands_of_other_packages_are_found(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(HELLO)
    done = python("-c", COMMANDS, "hello", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (0, "hello\n")


def test_a_broken_command_is_named_and_skipped(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(HELLO)
    done = python("-c", COMMANDS, "--help", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0
    assert "Say hello." in done.stdout
    assert "the command bad is skipped: ModuleNotFoundError" in done.stderr


def test_serve_says_which_package_brings_it() -> None:
    done = python("-c", COMMANDS, "serve")
    assert done.returncode == 2
    assert "pip install feedmux-server" in done.stderr


def test_an_option_behind_the_command_is_told_where_it_belongs() -> None:
    done = python("-m", "feedmux", "get", "quotes", "BTC", "--sandbox", "on")
    assert done.returncode == 2
    assert "stands before the command: feedmux --sandbox" in done.stderr


def test_wrong_words_are_a_problem_document_where_json_is_wanted() -> None:
    done = python("-m", "feedmux", "get", "quotes", "--json")
    assert done.returncode == 2
    assert json.loads(done.stderr)["type"] == "urn:feedmux:problem:invalid-query"


def test_warnings_are_one_short_line_each_on_stderr() -> None:
    broken = (
        PRELUDE + "sys.exit(run(['get', 'quotes', 'BTC'], Setup(plugins={'a': Quoting(), 'b': object()})))"
    )
    done = python("-c", broken)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: plugin set aside: plugin b, reason TypeError")
