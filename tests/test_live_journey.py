"""One order's whole way, from a customer's program into an operator's open browser."""

import time
from collections.abc import Iterator
from statistics import median

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium, open_page, sign_in
from tests.live import LiveSite

pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture
def page(live_site: LiveSite) -> Iterator[Page]:
    with chromium() as browser:
        yield open_page(browser, live_site.url)


def test_order__appears_on_the_open_dashboard_as_it_goes_its_way(live_site: LiveSite, page: Page) -> None:
    sign_in(page, live_site)

    order = live_site.buy()

    for state in ("reserved", "paid", "fulfilled"):
        expect(page.locator(f'[data-order="{order["number"]}"][data-states~="{state}"]').first).to_be_visible()
    expect(page.locator("[data-cashback-state]").first).to_be_visible()
    expect(page.locator("[data-cashback-state=paid]").first).to_be_visible()
    assert page.errors == []  # type: ignore[attr-defined]


def test_orders__are_on_the_open_dashboard_within_a_second(live_site: LiveSite, page: Page) -> None:
    sign_in(page, live_site)

    # A busy machine may stand still for seconds, but not each time.
    assert median(seconds_until_shown(live_site, page) for _ in range(5)) < 1


def seconds_until_shown(site: LiveSite, page: Page) -> float:
    """From the answer to a new order until the page has it."""
    order = site.buy()
    began = time.monotonic()
    expect(page.locator(f'[data-order="{order["number"]}"]').first).to_be_visible()
    return time.monotonic() - began


def test_flag_switched_in_the_admin__shows_in_the_api_and_on_the_dashboard(live_site: LiveSite, page: Page) -> None:
    sign_in(page, live_site)
    admin = page.context.new_page()
    admin.goto(f"{live_site.url}/admin/flags/flag/")
    switch = admin.get_by_role("switch", name="cashback.auto_approve", exact=True)
    before = switch.get_attribute("aria-checked")
    after = "false" if before == "true" else "true"

    switch.click()

    expect(switch).to_have_attribute("aria-checked", after)
    assert page.request.get("/api/v1/flags/").json()["cashback.auto_approve"] is (after == "true")
    shown = page.locator('[role="switch"][data-flag="cashback.auto_approve"]')
    expect(shown).to_have_attribute("aria-checked", after)

    shown.click()

    expect(shown).to_have_attribute("aria-checked", str(before))
    assert page.errors == []  # type: ignore[attr-defined]
