"""A gift's whole way: bought, opened by somebody else, scanned at the till, taken back, refunded."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium, open_page
from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

GIVER = 2
MESSAGE = "Happy birthday, Ada! Take the whole day."
BALANCES = """
    SELECT account.currency, account.kind, account.balance_minor,
           coalesce((SELECT sum(amount_minor) FROM cashback_transfer WHERE credit_id = account.id), 0)
         - coalesce((SELECT sum(amount_minor) FROM cashback_transfer WHERE debit_id = account.id), 0)
    FROM cashback_account AS account JOIN accounts_user AS owner ON owner.id = account.owner_id
    WHERE owner.email = 'shopper02@coupon-site.example'
"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def wallet(site: LiveSite) -> int:
    """What the giver has in the wallet, all in all, after the wallet, its rows and the ledger were seen to agree."""
    with site.client(GIVER) as client:
        shown = client.get("/api/v1/wallet/").json()["balances"]
    booked = site.sql(BALANCES)
    assert all(balance == moved for _, _, balance, moved in booked)
    amounts = {(row["currency"], kind): row[f"{kind}_minor"] for row in shown for kind in ("pending", "available")}
    assert amounts == {(currency, kind): balance for currency, kind, balance, _ in booked}
    return sum(amounts.values())


def buy_as_gift(site: LiveSite) -> dict[str, Any]:
    gift = {"mode": "link", "theme": "birthday", "message": MESSAGE, "recipient_name": "Ada"}
    return site.buy(GIVER, merchant="Zen Day Spa", gift=gift)


def gift_of(client: httpx.Client, order: dict[str, Any]) -> dict[str, Any]:
    """The gift that the paid order has become, with its link."""

    def fulfilled() -> bool:
        return bool(client.get(f"/api/v1/orders/{order['id']}/").json()["state"] == "fulfilled")

    wait_for(fulfilled, "the order to be fulfilled")
    gift = client.get("/api/v1/gifts/").json()["results"][0]
    return {**gift, **client.post(f"/api/v1/gifts/{gift['id']}/link").json()}


def device_key(site: LiveSite) -> str:
    words = "from coupon_site.demo import device_key_of; print(device_key_of('Zen Day Spa'))"
    return site.manage("shell", "--no-imports", "-c", words).stdout.strip()


def scan(till: Page, code: str) -> None:
    till.get_by_label("Voucher code").fill(code)
    till.get_by_role("button", name="Check").click()


def expect_answer(till: Page, word: str) -> None:
    expect(till.get_by_role("dialog").get_by_role("heading", name=word)).to_be_visible()


def refund_in_the_admin(page: Page, site: LiveSite, number: str) -> None:
    email, password = site.staff
    page.goto(f"/admin/login/?next=/admin/orders/order/?q={number}")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("refund_selected")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Refund").click()


def test_gift__is_bought_opened_scanned_taken_back_and_refunded(live_site: LiveSite, browser: Browser) -> None:
    before = wallet(live_site)
    with live_site.client(GIVER) as client:
        order = buy_as_gift(live_site)
        gift = gift_of(client, order)

        # The cashback is the giver's, whoever opens the gift.
        cashback = wait_for(lambda: wallet(live_site) - before, "the giver's cashback")
        assert cashback > 0

        receiver = open_page(browser, live_site.url)
        receiver.goto(gift["link"])
        expect(receiver.locator("[data-theme=birthday]")).to_be_visible()
        expect(receiver.get_by_text(MESSAGE)).to_be_visible()
        receiver.get_by_role("button", name="Open it").click()
        code = receiver.locator(".code .text").inner_text()
        assert client.get(f"/api/v1/gifts/{gift['id']}/").json()["state"] == "claimed"
        assert wallet(live_site) == before + cashback

        till = open_page(browser, live_site.url, viewport={"width": 390, "height": 844}, is_mobile=True)
        till.goto("/scan/")
        till.get_by_label("Device key").fill(device_key(live_site))
        till.get_by_role("button", name="Use this key").click()
        scan(till, code)
        expect_answer(till, "Valid")
        till.get_by_role("button", name="Redeem", exact=True).click()
        expect_answer(till, "Redeemed")
        assert wallet(live_site) == before + cashback

        till.get_by_role("button", name="Next").click()
        scan(till, code)
        expect_answer(till, "Already used")
        till.get_by_role("button", name="Next").click()
        assert till.evaluate("document.documentElement.scrollWidth <= innerWidth")

        till.get_by_role("button", name="Take back").click()
        expect_answer(till, "Taken back")
        assert wallet(live_site) == before + cashback

        operator = open_page(browser, live_site.url)
        refund_in_the_admin(operator, live_site, order["number"])
        wait_for(lambda: wallet(live_site) == before, "the cashback to be taken back")
        refunded = client.get(f"/api/v1/orders/{order['id']}/").json()
        assert refunded["state"] == "refunded"

        till.get_by_role("button", name="Next").click()
        scan(till, code)
        expect_answer(till, "Cancelled")

    assert receiver.errors == till.errors == operator.errors == []  # type: ignore[attr-defined]
    assert live_site.manage("reconcile").returncode == 0
