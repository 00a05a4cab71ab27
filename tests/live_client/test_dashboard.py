"""The dashboard in a browser at a socket that the test plays: quick at 200 events/s, honest about its connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from tests.browser import chromium, open_page
from tests.live_client.tab import FAKES

pytestmark = pytest.mark.django_db

URL = "http://client.test"
ORDERS = "events:orders"
RATE, SECONDS = 200, 3
FRAMES = """async ({ rate, seconds }) => {
    const socket = sockets.at(-1);
    const at = (number) => new Date(Date.parse("2026-01-01") + number).toISOString();
    const sum = { total_minor: 100, currency: "GBP" };
    const order = (number) => ({ number: `ORD-${number}`, quantity: 1, state: "paid", ...sum, at: at(number) });
    const { figures } = JSON.parse(document.getElementById("initial").textContent);
    let frames = 0;
    let samples = 0;
    let draws = 0;
    let sent = 0;
    let isOver = false;
    const count = () => { frames += 1; if (!isOver) requestAnimationFrame(count); };
    requestAnimationFrame(count);
    const drawn = new MutationObserver(() => { draws += 1; });
    drawn.observe(document.querySelector(".feed ol"), { childList: true });
    const begun = performance.now();
    for (let passed = 0; passed < seconds * 1000; passed = performance.now() - begun) {
        while (sent < (rate * passed) / 1000) {
            sent += 1;
            socket.say({ channel: "events:orders", data: order(sent), id: sent });
        }
        if (rate && samples < passed / 250) {
            samples += 1;
            socket.say({ channel: "metrics", data: { ...figures, at: new Date().toISOString() } });
        }
        await new Promise((done) => setTimeout(done, 1));
    }
    await new Promise(requestAnimationFrame);
    isOver = true;
    return { frames, draws, sent };
}"""

Open = Callable[..., Any]


@pytest.fixture
def dashboard(client: Client, superuser: User) -> Open:
    """Opens the page as the site draws it now; `state` is what it gets when it asks again."""
    client.force_login(superuser)
    html = client.get("/").content.decode()

    @contextmanager
    def opened(state: dict[str, Any] | None = None) -> Iterator[Page]:
        def serve(route: Route) -> None:
            path = route.request.url.removeprefix(URL)
            if path == "/":
                route.fulfill(body=html, content_type="text/html")
            elif path == "/dashboard/state" and state:
                route.fulfill(json=state)
            elif path.startswith("/static/"):
                route.fulfill(path=str(finders.find(path.removeprefix("/static/"))))
            else:
                route.abort()

        with chromium() as browser:
            page = open_page(browser, URL)
            page.add_init_script("Math.random = () => 0")
            page.add_init_script(path=FAKES / "sockets.js")
            page.route(f"{URL}/**", serve)
            page.goto("/")
            page.wait_for_function("sockets.length")
            yield page
            assert page.errors == []  # type: ignore[attr-defined]

    return opened


def go_live(page: Page, *frames: dict[str, Any]) -> None:
    page.evaluate("sockets.at(-1).open()")
    say(page, {"type": "welcome", "ping": 25}, *frames, {"type": "pong", "ref": "ready"})


def say(page: Page, *frames: dict[str, Any]) -> None:
    page.evaluate("frames => sockets.at(-1).say(...frames)", list(frames))


def order(number: int, *, state: str = "paid") -> dict[str, Any]:
    moment = f"2026-01-01T12:{number // 60:02}:{number % 60:02}Z"
    data = {"number": f"ORD-{number}", "quantity": 1, "state": state, "total_minor": 100, "currency": "GBP"}
    return {"channel": ORDERS, "data": {**data, "at": moment}, "id": number}


def test_two_hundred_events_a_second__are_drawn_once_per_frame_and_leave_the_page_quick(
    dashboard: Open, record_property: Callable[[str, object], None]
) -> None:
    with dashboard() as page:
        go_live(page)
        quiet = page.evaluate(FRAMES, {"rate": 0, "seconds": 1})

        busy = page.evaluate(FRAMES, {"rate": RATE, "seconds": SECONDS})

        expect(page.locator(f'[data-order="ORD-{busy["sent"]}"]')).to_be_visible()
        assert page.locator(".feed li").count() == 30
    record_property(
        "summary", f"dashboard: {busy['frames'] / SECONDS:.0f} frames/s at {RATE} events/s, {quiet['frames']} idle"
    )
    assert busy["sent"] >= RATE * SECONDS * 0.95
    assert 1 < busy["draws"] <= busy["frames"]
    assert busy["frames"] / SECONDS > quiet["frames"] / 2


def test_page_that_is_paused__keeps_no_more_than_it_can_show(dashboard: Open) -> None:
    with dashboard() as page:
        go_live(page)
        page.get_by_role("button", name="Pause").click()
        say(page, *[order(number) for number in range(1, 501)])
        expect(page.get_by_role("button", name="Resume (60+ new)")).to_be_visible()
        assert page.locator(".feed li").count() == 0

        page.get_by_role("button", name="Resume").click()

        expect(page.locator(".feed li")).to_have_count(30)
        expect(page.locator(".feed li").first).to_have_attribute("data-order", "ORD-500")


def test_connection__is_named_as_it_stands(dashboard: Open) -> None:
    with dashboard() as page:
        pill = page.locator("[data-connection]")
        expect(pill).to_have_text("Connecting…")
        go_live(page)
        expect(pill).to_have_text("Live")
        say(page, {"type": "status", "state": "degraded"})
        expect(pill).to_have_text("Live, events are late")

        page.evaluate("sockets.at(-1).end(1006)")
        page.wait_for_function("sockets.length === 2")
        expect(pill).to_have_text("Connecting…")
        page.evaluate("sockets.at(-1).end(1006)")
        page.wait_for_function("sockets.length === 3")
        expect(pill).to_have_text("Offline, trying again")
        go_live(page)
        expect(pill).to_have_text("Live")

        page.evaluate("sockets.at(-1).end(4403)")
        expect(pill).to_have_text("Not allowed to follow")


def test_page__goes_on_from_where_its_state_was_read(dashboard: Open) -> None:
    with dashboard() as page:
        page.evaluate("sockets.at(-1).open()")
        said = page.evaluate("sockets.at(-1).sent")

    followed = {message["channel"]: message["since"] for message in said if message["type"] == "subscribe"}
    assert followed == {"events:orders": 0, "events:cashback": 0, "events:flags": 0, "events:alerts": 0}
    assert {"type": "subscribe-metrics", "interval_ms": 1000} in said


def test_gap__is_repaired_without_a_reload(dashboard: Open, client: Client) -> None:
    state = client.get("/dashboard/state").json()
    missed = {"kind": "order", "key": "ORD-7", "title": "ORD-7", "search": "ORD-7", "about": "1 voucher", "minor": 100}
    missed |= {"currency": "GBP", "state": "paid", "states": "reserved paid", "at": "2026-01-01T12:00:07Z"}

    with dashboard({**state, "feed": [missed]}) as page:
        loads: list[object] = []
        page.on("load", loads.append)
        gap = {"type": "gap", "channel": ORDERS, "epoch": "k9", "from": 0, "to": 7, "reason": "limit", "refetch": True}
        go_live(page, gap, order(8))

        expect(page.locator('.feed [data-order="ORD-7"][data-states="reserved paid"]')).to_be_visible()
        expect(page.locator(".feed li").first).to_have_attribute("data-order", "ORD-8")
        assert loads == []
