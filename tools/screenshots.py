"""Takes the pictures of the documentation from a server in the sandbox: `python tools/screenshots.py http://127.0.0.1:8000`."""

import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
DESK = {"width": 1440, "height": 1240}
PHONE = {"width": 375, "height": 812}
ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu"]


def settled(page: Page) -> None:
    """Wait until prices, candles, the gauge and the consensus are there."""
    for place in (
        "#candles tbody tr",
        "#mood .value",
        "#spread circle",
        "#prices time[data-age]",
        "#indicators div",
    ):
        page.wait_for_selector(place, state="attached")
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")


def asked(page: Page) -> None:
    """Show how an answer comes about that nobody has, beside the drawer."""
    page.locator("#parameters").fill("symbols=ADA,LINK")
    page.locator("#afresh").check()
    page.locator("#ask-now").click()
    page.locator("#steps .bar").first.wait_for()
    page.locator("#opener").click()
    page.locator("#fold-providers .row").first.wait_for()
    page.locator(".ask").scroll_into_view_if_needed()
    page.locator("#ask-title").evaluate("(node) => scrollBy(0, node.getBoundingClientRect().top - 460)")


PICTURES: list[tuple[str, dict[str, Any]]] = [
    ("dashboard-light", {"color_scheme": "light", "viewport": DESK}),
    ("dashboard-dark", {"color_scheme": "dark", "viewport": DESK}),
    ("dashboard-phone", {"color_scheme": "light", "viewport": PHONE, "device_scale_factor": 2}),
    ("drawer", {"color_scheme": "light", "viewport": DESK | {"height": 1000}}),
]


def main(url: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for name, how in PICTURES:
            page = browser.new_page(reduced_motion="reduce", **how)
            page.goto(url)
            settled(page)
            if name == "drawer":
                asked(page)
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
