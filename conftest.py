"""No test of any package touches the state of whoever runs it, and none prints a key that it was given."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Generator, Iterator

import pytest
import structlog

KEYS = re.compile("CANARY-|SECRETKEY|SECRET-VALUE|KEYKEYKEY|TOKENTOKEN|TOKEN-OF-MINE|a-token-of-the-operator")
"""What the keys and tokens of the tests begin with."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes long where CI is set, to stay inside its time."""
    if not os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes long: left out where CI is set"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test fails that passed and whose output, or that of a process it started, holds a key.

    Unless it is marked `shows_keys`: it has to do with somebody who shows one.
    """
    report = yield
    if item.get_closest_marker("shows_keys"):
        return report
    for name, text in report.sections:
        if report.passed and name.endswith(call.when) and (found := KEYS.search(text)):
            around = text[max(0, found.start() - 200) : found.start()]
            report.outcome, report.longrepr = "failed", f"{name} holds a key; before it stands: …{around}"
    return report


@pytest.fixture
def restored_log() -> Iterator[None]:
    """Whatever a test configures of the log ends with it."""
    handlers, level = logging.root.handlers, logging.root.level
    yield
    logging.root.handlers, logging.root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own() -> Iterator[None]:
    before = os.environ.get("XDG_STATE_HOME")
    with tempfile.TemporaryDirectory(prefix="feedmux-state-") as directory:
        os.environ["XDG_STATE_HOME"] = directory
        yield
        if before is None:
            del os.environ["XDG_STATE_HOME"]
        else:
            os.environ["XDG_STATE_HOME"] = before
