"""Flags as operators turn them, in a real browser and by keyboard only: rolled out and back, approved by a second
person, reverted, and edited by two at once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import chromium, open_page
from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

SECOND = ("second@example.com", "approves what others plan")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1280, "height": 900}}
BACK = "Shift+Tab"
MANY = 250  # more stops than any page has
PREPARE = f"""
from accounts.services import create_user
from flags.services import create_flag
create_user(email={SECOND[0]!r}, password={SECOND[1]!r}, is_staff=True, groups=["flag-editors"])
for key, protected in (("show.rollout", False), ("show.guarded", True), ("show.shared", False)):
    create_flag(key=key, protected=protected, actor=None, source="command")
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(live_site: LiveSite) -> LiveSite:
    live_site.manage("shell", "--no-imports", "-c", PREPARE)
    return live_site


def signed_in(browser: Browser, site: LiveSite, who: tuple[str, str], **options: Any) -> Page:
    """The list of flags, reached by keys."""
    page = open_page(browser, site.url, **options)
    page.goto("/admin/login/?next=/admin/flags/flag/")
    tab_to(page, page.get_by_label("Email"))
    page.keyboard.type(who[0])
    page.keyboard.press("Tab")
    page.keyboard.type(who[1])
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    page.wait_for_load_state()
    return page


def tab_to(page: Page, target: Locator, step: str = "Tab") -> None:
    """As somebody without a mouse gets there."""
    expect(target).to_be_visible()
    for _ in range(MANY):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(step)
    raise AssertionError(f"No key leads to {target}")


def press(page: Page, target: Locator, key: str = "Enter", step: str = "Tab") -> None:
    tab_to(page, target, step)
    page.keyboard.press(key)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def switch(page: Page, key: str) -> Locator:
    return page.get_by_role("switch", name=key, exact=True)


def question(page: Page) -> Locator:
    """What a dialog asks."""
    return page.get_by_role("dialog").get_by_role("textbox")


def open_flag(page: Page, key: str) -> None:
    press(page, page.get_by_role("link", name=re.compile(f"^{re.escape(key)}")))
    expect(page.get_by_role("heading", name=key, level=1)).to_be_visible()


def open_tab(page: Page, name: str) -> None:
    """Along the tabs by arrows, from the one that is open."""
    tab_to(page, page.locator("[role=tab][aria-selected=true]"))
    page.keyboard.press("Home")
    wanted = page.get_by_role("tab", name=name)
    for _ in range(10):
        if wanted.get_attribute("aria-selected") == "true":
            return
        page.keyboard.press("ArrowRight")
    raise AssertionError(f"No arrow leads to {name}")


def look_at(page: Page, key: str, tab: str) -> None:
    """With the mouse, where the keyboard is not what is tested."""
    page.get_by_role("link", name=re.compile(f"^{re.escape(key)}")).click()
    expect(page.locator("[role=tab][aria-selected=true]")).to_be_visible()
    page.get_by_role("tab", name=tab).click()


def state(site: LiveSite, key: str) -> tuple[bool, float | None]:
    """Whether a flag is on, and for how many percent."""
    query = """
        SELECT flag.enabled, rule.percent FROM flags_flag AS flag
        LEFT JOIN flags_rule AS rule ON rule.flag_id = flag.id WHERE flag.key = %s
    """
    ((enabled, percent),) = site.sql(query, key)
    return enabled, percent if percent is None else float(percent)


def no_sideways_scrolling(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_flag__is_rolled_from_nought_to_a_quarter_and_off_by_keyboard(browser: Browser, site: LiveSite) -> None:
    page = signed_in(browser, site, site.staff, **DESK)
    open_flag(page, "show.rollout")
    slider = page.get_by_role("slider", name="Part of everybody", exact=True)

    press(page, slider, "Home")
    press(page, button(page, "Save"))
    wait_for(lambda: state(site, "show.rollout") == (False, 0), "0 % to be saved")
    press(page, switch(page, "show.rollout"), "Space", BACK)
    wait_for(lambda: state(site, "show.rollout") == (True, 0), "the flag to be on")
    tab_to(page, slider)
    for _ in range(25):
        page.keyboard.press("ArrowRight")

    preview = page.locator("#flag-preview")
    expect(preview).to_contain_text("would get on")
    expect(preview).to_contain_text("customers would get something else than now")
    assert state(site, "show.rollout") == (True, 0), "a preview saves nothing"

    press(page, button(page, "Save"))
    wait_for(lambda: state(site, "show.rollout") == (True, 25), "25 % to be saved")
    press(page, switch(page, "show.rollout"), "Space", BACK)

    wait_for(lambda: state(site, "show.rollout") == (False, 25), "the flag to be off")
    open_tab(page, "History")
    entries = page.locator("#flag-history .flag-lines")
    expect(entries.nth(0)).to_contain_text("state: on → off")
    expect(entries.nth(1)).to_contain_text("share: 0 % → 25 %")
    assert page.errors == []  # type: ignore[attr-defined]


def test_change_of_a_protected_flag__is_approved_by_a_second_person_on_a_phone_and_reverted(
    browser: Browser, site: LiveSite
) -> None:
    first = signed_in(browser, site, site.staff, **DESK)
    press(first, switch(first, "show.guarded"), "Space")
    expect(question(first)).to_be_focused()
    first.keyboard.type("the sale starts")
    first.keyboard.press("Enter")
    expect(first.get_by_role("status").filter(has_text="approval of another person")).to_be_visible()
    assert state(site, "show.guarded")[0] is False

    second = signed_in(browser, site, SECOND, **PHONE)
    assert no_sideways_scrolling(second)
    open_flag(second, "show.guarded")
    open_tab(second, "Planned changes")
    assert no_sideways_scrolling(second)
    press(second, button(second, "Approve…"))
    expect(second.get_by_role("dialog")).to_contain_text("state: off → on")
    press(second, button(second, "Approve"))
    expect(second.locator("#flag-note")).to_have_text("Approved, and done.")
    expect(switch(second, "show.guarded")).to_have_attribute("aria-checked", "true")
    assert state(site, "show.guarded")[0] is True

    open_tab(second, "History")
    press(second, second.get_by_role("button", name="Revert").first)
    expect(question(second)).to_be_focused()
    second.keyboard.type("not yet")
    second.keyboard.press("Enter")
    expect(second.locator("#flag-note")).to_have_text("Reverted.")

    assert state(site, "show.guarded")[0] is False
    expect(second.locator("#flag-history")).to_contain_text("not yet")
    assert no_sideways_scrolling(second)
    assert first.errors == second.errors == []  # type: ignore[attr-defined]


def test_flag_that_two_people_edit__keeps_what_the_slower_one_typed(browser: Browser, site: LiveSite) -> None:
    slow, fast = (signed_in(browser, site, who, **DESK) for who in (site.staff, SECOND))
    for page in (slow, fast):
        look_at(page, "show.shared", "About")
    slow.get_by_label("Owner", exact=True).fill("the slower one")
    fast.get_by_label("Description", exact=True).fill("from the faster one")
    button(fast, "Save").click()
    expect(button(fast, "Save")).to_be_hidden()

    button(slow, "Save").click()

    trouble = slow.get_by_role("alert").filter(has_text=SECOND[0])
    expect(trouble).to_contain_text("description: nothing → from the faster one")
    expect(slow.get_by_label("Owner", exact=True)).to_have_value("the slower one")
    expect(button(slow, "Keep mine on top of theirs")).to_be_focused()
    slow.keyboard.press("Enter")
    expect(slow.get_by_label("Description", exact=True)).to_have_value("from the faster one")
    expect(button(slow, "Save")).to_be_focused()
    slow.keyboard.press("Enter")
    expect(button(slow, "Save")).to_be_hidden()
    query = "SELECT owner, description FROM flags_flag WHERE key = 'show.shared'"
    assert site.sql(query) == [("the slower one", "from the faster one")]


def test_edit_that_can_not_be__is_marked_where_it_is_wrong(browser: Browser, site: LiveSite) -> None:
    page = signed_in(browser, site, SECOND, **PHONE)
    look_at(page, "show.shared", "Targeting")

    button(page, "+ Rule").tap()
    page.keyboard.type("Austria")  # the name of the new rule has the focus
    page.get_by_label("Field", exact=True).fill("country")
    page.get_by_label("Question").select_option("matches the pattern")
    page.get_by_label("Value", exact=True).fill("(")

    wrong = page.locator("[data-place='rules[0].constraints[0]'], [data-place='rules[0].constraints[0].values']")
    expect(wrong.get_by_text("regular expression").first).to_be_visible()
    page.get_by_label("Value", exact=True).fill("^AT$")
    expect(wrong.get_by_text("regular expression")).to_have_count(0)
    assert no_sideways_scrolling(page)
