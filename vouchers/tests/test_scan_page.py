"""The page that makes a phone a till, in a browser of a phone's size."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Route, expect, sync_playwright

from accounts.models import User
from tests.binaries import require_binary
from vouchers.codes import new_code
from vouchers.services import register_device, revoke_device
from vouchers.tests.factories import new_voucher

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PHONE = {"width": 360, "height": 740}
PATIENCE_MS = 60_000


def test_page__runs_no_script_but_its_own_and_is_kept_by_nobody(client: Client) -> None:
    answer = client.get("/scan/")

    page = answer.content.decode()
    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="/static/vouchers/scan/page.js">']
    assert not re.search(r"\son\w+=|\sstyle=", page)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert client.get("/scan").status_code == 200
    assert client.post("/scan/").status_code == 405


class Phone:
    """A phone with a till's key on it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(f"{address}/scan/")

    def enter(self, key: str) -> None:
        self.page.get_by_label("Device key").fill(key)
        self.page.keyboard.press("Enter")

    def check(self, code: str) -> None:
        self.page.get_by_label("Voucher code").press_sequentially(code)
        self.page.keyboard.press("Enter")

    def shows(self, word: str) -> None:
        expect(self.page.locator("#answer-word")).to_have_text(word)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def page(transactional_db: None) -> Iterator[Page]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = require_binary("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS, timeout=PATIENCE_MS)
        page = browser.new_page(viewport=PHONE)
        page.set_default_timeout(PATIENCE_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
        assert errors == []


@pytest.fixture
def shop(user: User, transactional_db: None) -> dict[str, str]:
    """A key and three codes, made before the browser runs: Django's ORM refuses to work beside its loop."""
    good, other = new_voucher(user, uses_per_voucher=2), new_voucher(user)
    _, key = register_device(merchant=good.merchant, name="Till at the door")
    gone, old_key = register_device(merchant=good.merchant, name="Old till")
    revoke_device(device=gone, at=timezone.now())
    return {"key": key, "old_key": old_key, "good": good.code, "other": other.code, "unknown": new_code()}


def test_codes__are_checked_redeemed_once_and_taken_back(shop: dict[str, str], page: Page, live_server) -> None:
    phone = Phone(page, live_server.url)
    phone.enter(shop["key"])
    expect(page.get_by_role("heading", name="Till at the door")).to_be_visible()

    phone.check("abc")
    expect(page.get_by_role("alert").filter(has_text="A code has 17 characters; this one has 3.")).to_be_visible()
    page.get_by_label("Voucher code").fill("")
    for code, word in ((shop["unknown"], "Unknown code"), (shop["other"], "Wrong shop")):
        phone.check(code.lower().replace("0", "o").replace("1", "l"))
        phone.shows(word)
        page.keyboard.press("Enter")

    phone.check(shop["good"])
    phone.shows("Valid")
    page.keyboard.press("Enter")
    phone.shows("Redeemed")
    expect(page.locator("#answer")).to_have_attribute("data-tone", "good")
    phone.press("Take it back")
    phone.shows("Taken back")
    page.keyboard.press("Enter")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shop["good"] not in page.evaluate("JSON.stringify(localStorage)")
    expect(page.locator("#recent li")).to_have_count(3)
    page.reload()
    expect(page.locator("#recent li")).to_have_count(3)
    expect(page.get_by_role("heading", name="Till at the door")).to_be_visible()


def test_answer_lost_on_its_way__is_asked_for_again_as_the_same_attempt(
    shop: dict[str, str], page: Page, live_server
) -> None:
    nonces: list[str] = []
    is_told = False

    def lose(route: Route) -> None:
        nonces.append(route.request.post_data_json["nonce"])
        if len(nonces) == 1:
            route.fetch()  # it arrives, the answer doesn't
        if len(nonces) < 3 or not is_told:
            route.abort()
        else:
            route.continue_()

    page.route("**/scan/redeem", lose)
    phone = Phone(page, live_server.url)
    phone.enter(shop["key"])
    phone.check(shop["good"])
    phone.shows("Valid")
    page.keyboard.press("Enter")
    phone.shows("No connection")
    is_told = True
    phone.shows("Redeemed")

    assert len(nonces) >= 3
    assert len(set(nonces)) == 1
    assert page.evaluate("localStorage['till.attempt']") is None
    expect(page.locator("#answer-facts")).to_contain_text("1 of 2")


def test_page_closed_in_the_middle__goes_on_with_the_same_attempt(
    shop: dict[str, str], page: Page, live_server
) -> None:
    page.route("**/scan/redeem", lambda route: route.abort())
    phone = Phone(page, live_server.url)
    phone.enter(shop["key"])
    phone.check(shop["good"])
    phone.shows("Valid")
    page.keyboard.press("Enter")
    phone.shows("No connection")

    page.reload()
    page.unroute("**/scan/redeem")

    phone.shows("Redeemed")


def test_key_that_is_wrong_or_revoked__does_not_stay(shop: dict[str, str], page: Page, live_server) -> None:
    phone = Phone(page, live_server.url)

    phone.enter("nonsense")
    expect(page.get_by_role("alert").filter(has_text="This key is not known")).to_be_visible()
    phone.enter(shop["old_key"])
    phone.shows("Till revoked")
    phone.press("Remove the key")

    expect(page.get_by_label("Device key")).to_be_visible()
    assert page.evaluate("localStorage['till.key']") is None


def test_no_network__is_told_and_a_browser_without_detector_too(shop: dict[str, str], page: Page, live_server) -> None:
    phone = Phone(page, live_server.url)
    phone.enter(shop["key"])
    expect(page.get_by_role("heading", name="Till at the door")).to_be_visible()

    page.evaluate("delete window.BarcodeDetector")
    phone.press("Use the camera")
    expect(page.locator("#camera-note")).to_contain_text("Type the code instead")
    page.context.set_offline(True)
    expect(page.locator("#connection")).to_contain_text("Offline")
    phone.check(shop["good"])
    phone.shows("No connection")
    page.context.set_offline(False)
    phone.press("Try again")
    phone.shows("Valid")
