"""Two dashboards and a page on a stream go through a cut, a restart and sleep: each has what the site has."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium, open_page
from tests.live import ROOT, LiveSite, wait_for
from tests.live_client.cable import Cable, cable_to

pytestmark = [pytest.mark.xdist_group("live"), pytest.mark.slow]

CHANNELS = ("events:orders", "events:cashback")
LIVE = '[data-connection="live"]'
NOT_LIVE = '[data-connection]:not([data-connection="live"])'
RECORD = """({ channels }) => {
    const seen = (window.seen = Object.fromEntries(channels.map((channel) => [channel, []])));
    window.gaps = [];
    window.from = { ...client.positions };
    client.addEventListener("event", ({ detail: { channel, id } }) => seen[channel]?.push(id));
    client.addEventListener("gap", ({ detail }) => gaps.push(detail));
}"""
DASHBOARD = "async () => { window.client = (await import('/static/monitoring/js/dashboard.js')).client; }"
STREAM = """async ({ channels }) => {
    const { EventClient } = await import("/static/events/client.js");
    window.client = new EventClient({ channels, transports: ["sse"] });
    client.start();
    await new Promise((live) => client.addEventListener("state", ({ detail }) => detail.state === "live" && live()));
}"""
PUBLISHED = "SELECT seq FROM events_outboxevent WHERE channel = %s AND status = 2 AND seq > %s ORDER BY seq"


class Screen:
    """A page of an operator's, behind a cable of its own."""

    def __init__(self, browser: Browser, cable: Cable, site: LiveSite, *, script: str) -> None:
        self.cable = cable
        self.page: Page = open_page(browser, cable.url, bypass_csp=script == STREAM)
        self.page.goto("/")
        self.page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(site.staff[0])
        self.page.get_by_label(re.compile("password", re.IGNORECASE)).fill(site.staff[1])
        self.page.get_by_role("button", name=re.compile("log in|sign in", re.IGNORECASE)).click()
        expect(self.page.locator(LIVE)).to_be_visible()
        if script == STREAM:
            self.page.goto("/api/v1/sales/")
        self.loads = 0
        self.page.on("load", lambda _: self.count_load())
        self.page.evaluate(script, {"channels": CHANNELS})
        wait_for(lambda: len(self.page.evaluate("client.positions")) >= len(CHANNELS), "a place on each channel")
        self.page.evaluate(RECORD, {"channels": CHANNELS})

    def count_load(self) -> None:
        self.loads += 1

    def seen(self, channel: str) -> list[int]:
        return list(self.page.evaluate("channel => seen[channel]", channel))

    def published(self, site: LiveSite, channel: str) -> list[int]:
        """What the site has published on a channel since this page began to count."""
        first = self.page.evaluate("channel => from[channel].id", channel)
        return [seq for (seq,) in site.sql(PUBLISHED, channel, first)]

    def state(self) -> str:
        return str(self.page.evaluate("client.state.state"))

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """As in a laptop that is shut: nothing runs in the page."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Page.setWebLifecycleState", {"state": "frozen"})
        yield
        session.send("Page.setWebLifecycleState", {"state": "active"})


@contextmanager
def shopping(site: LiveSite, *, visits: int) -> Iterator[None]:
    """Shoppers come and go meanwhile, and at the end all of them have come."""
    command = [sys.executable, "manage.py", "simulate_traffic", "--rate", "5", "--visits", str(visits)]
    traffic = subprocess.Popen(command, cwd=ROOT, env=site.environment, stdout=subprocess.DEVNULL)
    try:
        yield
        assert traffic.wait(timeout=120) == 0
    finally:
        traffic.kill()
        traffic.wait()


@pytest.fixture
def screens(live_site: LiveSite) -> Iterator[list[Screen]]:
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        cables = [stack.enter_context(cable_to(live_site.ports["web"])) for _ in range(3)]
        scripts = [DASHBOARD, DASHBOARD, STREAM]
        yield [Screen(browser, cable, live_site, script=script) for cable, script in zip(cables, scripts, strict=True)]


def test_pages_through_cut_restart_and_sleep__have_exactly_what_the_site_has_published(
    live_site: LiveSite, screens: list[Screen]
) -> None:
    first, second, stream = screens
    live_site.come_to_rest()

    with shopping(live_site, visits=60):
        first.cable.cut()
        stream.cable.cut()
        expect(first.page.locator(NOT_LIVE)).to_be_visible()
        live_site.buy()
        first.cable.mend()
        stream.cable.mend()
        everyone_is_live(screens)

        with second.asleep():
            live_site.kill("web")
            live_site.start("web")
            live_site.buy()
        everyone_is_live(screens)

        with stream.asleep():
            live_site.kill("relay")
            live_site.start("relay")
            live_site.buy()
    live_site.come_to_rest()

    for screen in screens:
        for channel in CHANNELS:
            has_all = lambda s=screen, c=channel: s.seen(c) == s.published(live_site, c)  # noqa: E731
            wait_for(has_all, f"{channel} to be as published")
            assert len(screen.seen(channel)) > 10
        assert screen.page.evaluate("gaps") == []
        assert screen.loads == 0
    newest = live_site.sql("SELECT number FROM orders_order ORDER BY id DESC LIMIT 1")[0][0]
    for screen in (first, second):
        expect(screen.page.locator(f'[data-order="{newest}"]')).to_be_visible()


def test_events_that_nobody_has_any_more__are_repaired_without_a_reload(
    live_site: LiveSite, screens: list[Screen]
) -> None:
    """The stream begins another life while a dashboard sleeps: its place is of the old one, so it loads the state."""
    first, second, _ = screens
    with first.asleep():
        order = live_site.buy()
        live_site.come_to_rest()
        forget_the_stream(live_site)
        wait_for(lambda: second.page.evaluate("gaps.length"), "the site to know of it")

    wait_for(lambda: first.page.evaluate("gaps.length"), "the gap to be told")
    row = first.page.locator(f'[data-order="{order["number"]}"][data-states~="fulfilled"]')
    expect(row).to_be_visible()
    assert {gap["reason"] for gap in first.page.evaluate("gaps")} == {"epoch"}
    assert first.loads == 0


def everyone_is_live(screens: list[Screen]) -> None:
    for screen in screens:
        wait_for(lambda s=screen: s.state() == "live", "every page to be live again", 60)


def forget_the_stream(site: LiveSite) -> None:
    """As after a database that was put back: the relay names another life of the channel."""
    site.kill("relay")
    site.sql("UPDATE events_outboxchannel SET epoch = 'another' WHERE channel = 'events:orders'")
    site.start("relay")
