"""One browser and one server for all tests of this folder; each test has a page of its own. Skipped where no Chromium is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .served import Served, served

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 375, "height": 800}
DESK = {"width": 1440, "height": 1000}
WATCHED = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + " " + event.blockedURI));
"""

Opened = Callable[..., Any]


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Debian's Chromium. It ends with this folder: while it is open, its event loop stands in the way of every other."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """In the sandbox; no test stops it."""
    with served(tmp_path_factory.mktemp("served")) as started:
        yield started


@pytest.fixture
def opened(browser: Any, server: Served) -> Iterator[Opened]:
    """Opens the page in a window of its own; `page.troubles` and `page.asked` say what went wrong and what was asked."""
    with windows(browser, server) as go:
        yield go


@pytest.fixture(scope="module")
def opened_once(browser: Any, server: Served) -> Iterator[Opened]:
    """The same, for a page that all tests of a module look at."""
    with windows(browser, server) as go:
        yield go


@contextmanager
def windows(browser: Any, server: Served) -> Iterator[Opened]:
    contexts = []

    def go(
        path: str = "/", *, url: str = "", prepare: Callable[[Any], None] | None = None, **how: Any
    ) -> Any:
        context = browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **how})
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        watch(page)
        if prepare is not None:
            prepare(page)
        page.goto((url or server.url) + path)
        return page

    yield go
    for context in contexts:
        context.close()


def watch(page: Any) -> None:
    """Keep what the page complains of and what it asks for."""
    page.troubles = []
    page.asked = []
    page.add_init_script(WATCHED)
    page.on("console", lambda said: said.type == "error" and page.troubles.append(said.text))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("websocket", lambda socket: page.asked.append(socket.url))


@pytest.fixture
def alone(tmp_path: Path, browser: Any) -> Iterator[Served]:
    """A server that a test may stop."""
    with served(tmp_path) as started:
        yield started
