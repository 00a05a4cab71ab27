"""From Alertmanager over the running site to the eyes of who watches the live dashboard, and to sockets that may."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import chromium, open_page, sign_in
from tests.deploy.alertmanager import Manager, alertmanager, labels_of
from tests.live import WAIT_SECONDS, LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

RUNBOOK = "https://docs.example/runbooks/HighErrorRate/"


@pytest.fixture(scope="module")
def manager(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """The real Alertmanager, which tells the site alone."""
    settings = {"ALERTS_TOKEN": live_site.alerts_token, "SITE_ALERTS_URL": f"{live_site.url}/monitoring/alerts"}
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), settings) as manager:
        yield manager


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def dashboard(browser: Browser, live_site: LiveSite) -> Page:
    page = open_page(browser, live_site.url)
    sign_in(page, live_site)
    return page


def states(site: LiveSite, summary: str) -> list[tuple[Any, ...]]:
    return site.sql("SELECT name, state FROM monitoring_alert WHERE summary = %s ORDER BY id", summary)


def test_alert__is_on_the_open_dashboard_while_it_fires(manager: Manager, dashboard: Page, live_site: LiveSite) -> None:
    words = {"summary": "Too many <i>requests</i> fail", "runbook_url": RUNBOOK}
    critical = labels_of("HighErrorRate", cluster="browser")
    warning = labels_of("SlowOrderProcessing", cluster="browser")
    panel = dashboard.locator('[data-panel="alerts"]')
    rows = panel.locator("li")
    expect(panel).to_be_hidden()

    manager.post(warning, summary="Orders are slow")
    expect(rows).to_have_count(1)
    manager.post(critical, **words)

    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("HighErrorRate")
    expect(rows.first).to_contain_text("Too many <i>requests</i> fail")
    expect(rows.first.locator("time")).to_contain_text("for ")
    assert rows.first.get_by_text("Runbook").get_attribute("href") == RUNBOOK
    expect(rows.first.get_by_text("Dashboard")).to_be_hidden()

    dashboard.reload()
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("HighErrorRate")

    manager.post(critical, over=True, **words)
    expect(rows).to_have_count(1)
    manager.post(warning, over=True, summary="Orders are slow")
    expect(panel).to_be_hidden()
    assert states(live_site, words["summary"]) == [("HighErrorRate", "resolved")]
    assert dashboard.errors == []  # type: ignore[attr-defined]


def test_page_drawn_before_an_event__shows_what_the_event_says(
    manager: Manager, dashboard: Page, live_site: LiveSite
) -> None:
    alert, summary = labels_of("HighScanLatency", cluster="late"), "Scans are slow"
    row = dashboard.locator('[data-panel="alerts"] li', has_text=summary)
    manager.post(alert, summary=summary)
    expect(row).to_have_count(1)

    def answer_late(route: Route) -> None:
        drawn = route.fetch()
        assert summary in drawn.text()
        manager.post(alert, over=True, summary=summary)
        wait_for(lambda: states(live_site, summary) == [("HighScanLatency", "resolved")], "the end of the alert")
        route.fulfill(response=drawn)

    dashboard.route(f"{live_site.url}/", answer_late, times=1)
    dashboard.reload(timeout=2 * WAIT_SECONDS * 1000)

    expect(row).to_have_count(0)


def test_site_that_was_away__hears_of_it_when_it_is_back(manager: Manager, live_site: LiveSite) -> None:
    live_site.kill("web")
    manager.post(labels_of("RedisMemoryHigh", cluster="away"), summary="Full while nobody listened")
    time.sleep(1)

    live_site.start("web")

    wait_for(lambda: states(live_site, "Full while nobody listened"), "the alert")
    assert states(live_site, "Full while nobody listened") == [("RedisMemoryHigh", "firing")]


def test_received_alerts__are_in_the_metrics_of_the_site(live_site: LiveSite, manager: Manager) -> None:
    manager.post(labels_of("DiskSpaceLow", cluster="metrics"), summary="Full")
    wait_for(lambda: states(live_site, "Full"), "the alert")
    token = {"Authorization": f"Bearer {live_site.metrics_token}"}

    text = httpx.get(f"{live_site.url}/metrics", headers=token, timeout=30).text

    counted = next(line for line in text.splitlines() if line.startswith('alerts_received_total{status="firing"}'))
    assert float(counted.rpartition(" ")[2]) >= 1
