"""Every plugin as its wheel alone brings it, beside the core and what both require: it keeps what providers promise.

Each body is broken 30 times here; FEEDMUX_TEST_BODIES=1000 does as `feedmux check-provider` does. `-s` shows a table.
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from feedmux.clock import SystemClock

from .environment import built, empty, install

ROOT = Path(__file__).parents[2]
BODIES = os.environ.get("FEEDMUX_TEST_BODIES", "30")
PROVIDERS = {
    "aggregator": "feedmux-aggregator",
    "alternative_me": "feedmux-alternative-me",
    "binance_dt": "feedmux-binance-dt",
    "coingecko": "feedmux-coingecko",
    "crypto_api_clean": "feedmux-crypto-api-clean",
    "crypto_api_clean_shipped": "feedmux-crypto-api-clean",
    "etherscan": "feedmux-etherscan",
    "news": "feedmux-news",
    "sentiment": "feedmux-sentiment",
}
WITHOUT_HTTP = {"crypto_api_clean_shipped", "sentiment"}


class Checked(Struct):
    """How a check in an environment of its own ended, and what it took."""

    exit_code: int
    out: str
    err: str
    size: int
    seconds: float

    @property
    def report(self) -> dict[str, Any]:
        assert self.out, self.err[-2000:]
        told: dict[str, Any] = json.loads(self.out)
        return told


class Wheels:
    """The wheels of core and plugins, and an environment of its own for each that is checked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._wheels = built([ROOT / "core", *sorted((ROOT / "plugins").iterdir())], directory / "wheels")
        self._line = ThreadPoolExecutor(max_workers=os.cpu_count())
        self._checked: dict[str, Future[Checked]] = {}

    def begin(self, provider: str, distribution: str) -> None:
        self._checked[provider] = self._line.submit(self._check, provider, distribution)

    def checked(self, provider: str) -> Checked:
        return self._checked[provider].result()

    def _check(self, provider: str, distribution: str) -> Checked:
        home = self._directory / provider
        site = empty(home)
        install(self._wheels["feedmux"], site, "cli")
        install(self._wheels[distribution], site)
        began = SystemClock.monotonic()
        done = subprocess.run(
            [
                home / "bin" / "python",
                "-m",
                "feedmux",
                "check-provider",
                provider,
                "--json",
                "--bodies",
                BODIES,
            ],
            cwd=home,
            env={"XDG_STATE_HOME": str(home / "state"), "HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        seconds = SystemClock.monotonic() - began
        size = self._wheels[distribution].stat().st_size
        return Checked(done.returncode, done.stdout, done.stderr, size, seconds)

    def close(self) -> None:
        self._line.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wheels]:
    made = Wheels(tmp_path_factory.mktemp("alone"))
    for provider, distribution in {**PROVIDERS, "sandbox": "feedmux-sandbox"}.items():
        if provider != "sentiment" or has_torch():
            made.begin(provider, distribution)
    yield made
    made.close()


def has_torch() -> bool:
    return bool(metadata.packages_distributions().get("torch"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_plugin_keeps_its_promises_from_its_wheel_alone(wheels: Wheels, provider: str) -> None:
    if provider == "sentiment" and not has_torch():
        pytest.skip("torch is not installed; make install-sentiment brings it")
    checked = wheels.checked(provider)
    report = checked.report
    print(
        f"\n{provider:25} {checked.size / 1024:5.0f} KB {report['cases']:3} cases {report['bodies']:7,} bodies"
        f" {checked.seconds:6.1f} s  {'passes' if report['passed'] else 'FAILS'}",
        end="",
    )
    assert [line["findings"] for line in report["lines"] if line["findings"]] == []
    assert (report["passed"], checked.exit_code) == (True, 0)
    assert (report["bodies"] == 0) is (provider in WITHOUT_HTTP)


def test_the_sandbox_says_that_it_is_no_provider(wheels: Wheels) -> None:
    checked = wheels.checked("sandbox")
    assert checked.exit_code == 2
    assert "sandbox is an extension, no provider" in checked.err


def test_every_plugin_is_checked() -> None:
    declared = {
        name
        for project in (ROOT / "plugins").glob("*/pyproject.toml")
        for name in _providers(project.read_text())
    }
    assert declared == {*PROVIDERS}


def _providers(project: str) -> dict[str, str]:
    found: dict[str, str] = (
        tomllib.loads(project)["project"].get("entry-points", {}).get("feedmux.providers", {})
    )
    return found
