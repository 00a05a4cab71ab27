"""One order's whole way, from a customer's program into an operator's open browser."""

from collections.abc import Iterator

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
    switch = admin.get_by_role("switch", name="cashback.auto_approve", exact=True)
    before = switch.get_attribute("aria-checked")
    after = "false" if before == "true" else "true"

    switch.click()

    expect(switch).to_have_attribute("aria-checked", after)
    assert page.request.get("/api/v1/flags/").json()["cashback.auto_approve"] is (after == "true")
    shown = page.locator('[role="switch"][data-flag="cashback.auto_approve"]')
    expect(shown).to_have_attribute("aria-checked", after, timeout=10_000)

    shown.click()

    expect(shown).to_have_attribute("aria-checked", str(before))
    assert page.errors == []  # type: ignore[attr-defined]
