"""A rollout that breaks the shop ends by itself: the real Prometheus and Alertmanager notice, and the flag goes off."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from monitoring import stack
from monitoring.stack.commands import PROGRAMS
from monitoring.tests.grafana import TOKEN, Grafana, grafana_running
from tests.binaries import require_binary
from tests.browser import chromium, open_page, sign_in
from tests.live import LiveSite, wait_for

pytestmark = [pytest.mark.xdist_group("guard"), pytest.mark.slow]

SPEED = 20
SHOPPERS = 30
PAUSE_SECONDS = 0.1  # between orders
FLAG, ALERT = "fault.checkout_error", "HighErrorRate"
CALM_SECONDS, FIRE_SECONDS, FALL_SECONDS = 90, 90, 60
EXPORTERS = ("node", "redis", "postgres")
FAILED = 'sum(rate(http_requests_total{path="/api/v1/orders/",status=~"5.."}[10s])) or vector(0)'
ORDERED = 'sum(rate(http_requests_total{path="/api/v1/orders/"}[10s]))'
ISSUE_TOKEN = """
from accounts.models import User
from accounts.services import issue_token
print(issue_token(user=User.objects.get(is_superuser=True), name="editor")[1])
"""


class Attempt(NamedTuple):
    """What became of an order, and by when."""

    at: float
    shopper: int
    failed: bool


class Stage(NamedTuple):
    site: LiveSite
    prometheus: Any
    editor: httpx.Client
    grafana: Grafana
    page: Page
    orders: list["Attempt"]

    def share_of_failures(self) -> float:
        """Of the orders of the last seconds, both counted at the same instant."""
        return float(self.prometheus.value(f"({FAILED}) / ({ORDERED} > 0)") or 0.0)


@pytest.fixture
def stage() -> Iterator[Stage]:
    for job in ("prometheus", "alertmanager"):
        require_binary(PROGRAMS[job].binary)
    with TemporaryDirectory(prefix="guard-") as name, ExitStack() as everything:
        folder = Path(name)
        folder.chmod(0o755)
        grafana = everything.enter_context(grafana_running())
        site = LiveSite(
            folder,
            FAULTS="1",
            GRAFANA_URL=grafana.url,
            GRAFANA_TOKEN=TOKEN,
            THROTTLE_USER="1000000/min",
            THROTTLE_ANON="1000000/min",
        )
        everything.callback(site.stop)
        site.prepare()
        site.start("web", "worker", "relay")
        hooks = {
            "ALERTS_TOKEN": site.alerts_token,
            "SITE_ALERTS_URL": f"{site.url}/monitoring/alerts",
            "SITE_GUARD_URL": f"{site.url}/api/v1/flags/hooks/alertmanager",
        }
        servers = everything.enter_context(
            stack.running(
                folder / "monitoring",
                targets={"app-web": [f"127.0.0.1:{site.metrics_port}"]},
                receivers=hooks,
                speed=SPEED,
                without=EXPORTERS,
            )
        )
        token = site.manage("shell", "--verbosity=0", "-c", ISSUE_TOKEN).stdout.split()[-1]
        editor = httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        everything.enter_context(editor)
        orders: list[Attempt] = []
        everything.enter_context(shopping(site, orders))
        browser = everything.enter_context(chromium())
        yield Stage(site, servers.prometheus, editor, grafana, dashboard(browser, site), orders)


@contextmanager
def shopping(site: LiveSite, orders: list[Attempt]) -> Iterator[None]:
    """Shoppers place orders, one after another, and note what becomes of them."""
    sale, over = site.manage("setup_demo", "--sale-of", "100000").stdout.split()[-1], threading.Event()

    def shop() -> None:
        chance = random.Random(1)
        with httpx.Client(base_url=site.url, timeout=60) as client:
            while not over.wait(PAUSE_SECONDS):
                shopper = chance.randint(1, SHOPPERS)
                headers = {**site.signature(shopper), "Idempotency-Key": str(uuid4())}
                body = {"lines": [{"sale": sale, "quantity": 1}]}
                answer = client.post("/api/v1/orders/", json=body, headers=headers)
                orders.append(Attempt(time.time(), shopper, failed=answer.is_server_error))

    thread = threading.Thread(target=shop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def dashboard(browser: Any, site: LiveSite) -> Page:
    page = open_page(browser, site.url)
    sign_in(page, site)
    return page


def test_rollout_that_breaks_checkout__is_ended_by_the_alert_that_guards_it(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    switch = stage.page.locator(f'[data-flag="{FLAG}"]')
    wait_for(lambda: stage.prometheus.value(ORDERED), "orders", CALM_SECONDS)
    assert stage.share_of_failures() == 0

    stage.editor.put(f"/api/v1/flags/{FLAG}?enabled=false").raise_for_status()
    began = time.time()
    changes = {"enabled": True, "rules": [{"id": "rollout", "percent": 50}], "guard": [ALERT]}
    stage.editor.patch(f"/api/v1/flags/{FLAG}", json={"changes": changes, "reason": "roll out"}).raise_for_status()

    expect(switch).to_have_attribute("aria-checked", "true")
    shares: list[float] = []
    change = wait_for(
        lambda: shares.append(stage.share_of_failures()) or last_change(stage.editor, "alert"),
        "the guard",
        FIRE_SECONDS,
    )
    off = datetime.fromisoformat(change["at"]).timestamp()
    seconds = off - began
    failing, served = sides(stage.orders, until=off)
    assert failing
    assert served
    assert failing.isdisjoint(served)  # half of the shoppers, and always the same

    assert (change["actor"], change["before"]["enabled"], change["after"].get("enabled", False)) == (None, True, False)
    assert change["reason"].startswith(f"{ALERT} fires: ")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(stage.page.locator('[data-panel="alerts"] li', has_text=ALERT)).to_be_visible()
    wait_for(lambda: stage.share_of_failures() == 0, "the failures to end", FALL_SECONDS)
    fell = time.time() - began - seconds
    lines = [each for each in stage.grafana.annotations if FLAG in each["tags"]]
    assert any(ALERT in each["text"] and "it is off" in each["text"] for each in lines)
    assert not stage.editor.get(f"/api/v1/flags/{FLAG}").json()["enabled"]
    record_property(
        "summary",
        f"Guarded rollout, {SPEED} times faster: {max(shares):.0%} of all orders failed; "
        f"from the fault to off {seconds:.1f} s, no failure {fell:.1f} s later",
    )


def sides(orders: list[Attempt], *, until: float) -> tuple[set[int], set[int]]:
    """The shoppers whose orders failed, and those who were served, since the first failure."""
    first = next(order.at for order in orders if order.failed)
    seen = [order for order in orders if first <= order.at < until]
    return {order.shopper for order in seen if order.failed}, {order.shopper for order in seen if not order.failed}


def last_change(editor: httpx.Client, source: str) -> dict[str, Any] | None:
    """The newest change of the flag, once it comes through that door."""
    newest: dict[str, Any] = editor.get(f"/api/v1/flags/{FLAG}/history").json()["results"][0]
    return newest if newest["source"] == source else None
