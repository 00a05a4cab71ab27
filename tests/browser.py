"""A real browser, for journeys through the running site."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.binaries import require_binary
from tests.live import LiveSite

# A busy machine may stand still for seconds: Playwright itself waits for five.
expect.set_options(timeout=30_000)

# Background services of the browser would look for hosts that a test machine doesn't reach.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_binary("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


def open_page(browser: Browser, url: str, **options: Any) -> Page:
    """A page in a profile of its own, that remembers every error on its console in `errors`."""
    page = browser.new_context(base_url=url, **options).new_page()
    page.errors = []  # type: ignore[attr-defined]
    page.on("console", lambda message: remember(page, message))
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    return page


def remember(page: Page, message: ConsoleMessage) -> None:
    if message.type == "error":
        page.errors.append(f"{message.text} {message.location}")  # type: ignore[attr-defined]


def sign_in(page: Page, site: LiveSite) -> None:
    """Sign the page in as staff, and wait until the dashboard is live."""
    email, password = site.staff
    page.goto("/")
    page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(email)
    page.get_by_label(re.compile("password", re.IGNORECASE)).fill(password)
    page.get_by_role("button", name=re.compile("log in|sign in", re.IGNORECASE)).click()
    expect(page.locator('[data-connection="live"]')).to_be_visible()
