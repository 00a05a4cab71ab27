"""One order's whole way, from a customer's program into an operator's open browser."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from tests.binaries import require_binary
from tests.live import LiveSite

pytestmark = pytest.mark.xdist_group("live")

# Background services of the browser would look for hosts that a test machine doesn't reach.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture
def page(live_site: LiveSite) -> Iterator[Page]:
    """A browser's page that remembers every error on its console."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_binary("chromium"), args=ARGUMENTS)
        page = browser.new_context(base_url=live_site.url).new_page()
        page.errors = []  # type: ignore[attr-defined]
        page.on("console", lambda message: remember(page, message))
        page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
        yield page
        browser.close()


def remember(page: Page, message: ConsoleMessage) -> None:
    if message.type == "error":
        page.errors.append(f"{message.text} {message.location}")  # type: ignore[attr-defined]


def sign_in(page: Page, site: LiveSite) -> None:
    email, password = site.staff
    page.goto("/")
    page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(email)
    page.get_by_label(re.compile("password", re.IGNORECASE)).fill(password)
    page.get_by_role("button", name=re.compile("log in|sign in", re.IGNORECASE)).click()
    expect(page.locator('[data-connection="live"]')).to_be_visible(timeout=15_000)


def buy(site: LiveSite, *, quantity: int = 1) -> dict:
    with site.client() as client:
        sale = client.get("/api/v1/sales/").json()["results"][0]
        answer = client.post(
            "/api/v1/orders/",
            json={"lines": [{"sale": sale["id"], "quantity": quantity}], "payment_method": "card"},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()


def test_order__appears_on_the_open_dashboard_as_it_goes_its_way(live_site: LiveSite, page: Page) -> None:
    sign_in(page, live_site)

    order = buy(live_site)

    row = page.locator(f'[data-order="{order["number"]}"]').first
    expect(row).to_be_visible(timeout=1000)
    for state in ("reserved", "paid", "fulfilled"):
        expect(page.locator(f'[data-order="{order["number"]}"][data-states~="{state}"]').first).to_be_visible(
            timeout=5000
        )
    expect(page.locator("[data-cashback-state]").first).to_be_visible(timeout=5000)
    expect(page.locator("[data-cashback-state=paid]").first).to_be_visible(timeout=20_000)
    assert page.errors == []  # type: ignore[attr-defined]


def test_flag_switched_in_the_admin__shows_in_the_api_and_on_the_dashboard(live_site: LiveSite, page: Page) -> None:
    sign_in(page, live_site)
    admin = page.context.new_page()
    admin.goto(f"{live_site.url}/admin/flags/flag/")
    switch = admin.locator('[role="switch"][data-flag="cashback.auto_approve"]')
    before = switch.get_attribute("aria-checked")
    after = "false" if before == "true" else "true"

    switch.click()

    expect(switch).to_have_attribute("aria-checked", after)
    assert page.request.get("/api/v1/flags/").json()["cashback.auto_approve"] is (after == "true")
    shown = page.locator('[role="switch"][data-flag="cashback.auto_approve"]')
    expect(shown).to_have_attribute("aria-checked", after, timeout=2000)

    shown.click()

    expect(shown).to_have_attribute("aria-checked", str(before))
    assert page.errors == []  # type: ignore[attr-defined]
