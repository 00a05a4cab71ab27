"""The dashboard in a browser at a socket that the test plays: quick at 200 events/s, honest about its connection."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Page, Route, expect

from accounts.models import User
from tests.browser import open_page
from tests.live_client.tab import FAKES

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("live_client")]

URL = "http://client.test"
ORDERS = "events:orders"
RATE, SECONDS, BUSY = 200, 3, 0.75
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
    for (let passed = 0; passed < seconds; ) {
        passed = Math.min((performance.now() - begun) / 1000, seconds);
        while (sent < rate * passed) {
            sent += 1;
            socket.say({ channel: "events:orders", data: order(sent), id: sent });
        }
        if (samples < passed * 4) {
            samples += 1;
            socket.say({ channel: "metrics", data: { ...figures, at: new Date().toISOString() } });
        }
        await new Promise((done) => setTimeout(done, 1));
    }
    await new Promise(requestAnimationFrame);
    isOver = true;
    return { frames, draws, sent };
}"""

Open = Callable[..., AbstractContextManager[Page]]
Answer = Callable[[Route], object]


class Drawn(NamedTuple):
    """What the site says to somebody who may see all of it."""

    html: str
    state: dict[str, Any]


@pytest.fixture
def drawn(client: Client, superuser: User) -> Drawn:
    client.force_login(superuser)
    return Drawn(html=client.get("/").content.decode(), state=client.get("/dashboard/state").json())


@pytest.fixture
def dashboard(drawn: Drawn, browser: Browser) -> Open:
    """Opens the page as the site has drawn it; `state` answers when it asks again."""

    @contextmanager
    def opened(state: Answer = Route.abort) -> Iterator[Page]:
        def serve(route: Route) -> None:
            path = route.request.url.removeprefix(URL)
            if path == "/":
                route.fulfill(body=drawn.html, content_type="text/html")
            elif path == "/dashboard/state":
                state(route)
            else:
                route.fulfill(path=str(finders.find(path.removeprefix("/static/"))))

        page = open_page(browser, URL)
        page.add_init_script("Math.random = () => 0")
        page.add_init_script(path=FAKES / "sockets.js")
        page.route(f"{URL}/**", serve)
        page.goto("/")
        page.wait_for_function("sockets.length")
        yield page
        assert page.errors == []  # type: ignore[attr-defined]
        page.context.close()

    return opened


def seconds_spent(page: Page) -> Callable[[], float]:
    """The processor's time that the page's thread has used from now on: other processes' load is not in it."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    before = spent()
    return lambda: spent() - before


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
        spent = seconds_spent(page)

        busy = page.evaluate(FRAMES, {"rate": RATE, "seconds": SECONDS})

        share = spent() / SECONDS
        expect(page.locator(f'[data-order="ORD-{busy["sent"]}"]')).to_be_visible()
        assert page.locator(".feed li").count() == 30
    pace = f"{busy['frames'] / SECONDS:.0f} frames/s at {RATE} events/s"
    record_property("summary", f"dashboard: {pace}, {share:.0%} of its thread")
    assert busy["sent"] == RATE * SECONDS
    assert 1 < busy["draws"] <= busy["frames"]
    assert 0 < share < BUSY


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


def test_gap__is_repaired_without_a_reload(dashboard: Open, drawn: Drawn) -> None:
    missed = {"kind": "order", "key": "ORD-7", "title": "ORD-7", "search": "ORD-7", "about": "1 voucher", "minor": 100}
    missed |= {"currency": "GBP", "state": "paid", "states": "reserved paid", "at": "2026-01-01T12:00:07Z"}

    with dashboard(lambda route: route.fulfill(json={**drawn.state, "feed": [missed]})) as page:
        loads: list[object] = []
        page.on("load", lambda _: loads.append(page))
        gap = {"type": "gap", "channel": ORDERS, "epoch": "k9", "from": 0, "to": 7, "reason": "limit", "refetch": True}
        go_live(page, gap, order(8))

        expect(page.locator('.feed [data-order="ORD-7"][data-states="reserved paid"]')).to_be_visible()
        expect(page.locator(".feed li").first).to_have_attribute("data-order", "ORD-8")
        assert loads == []


def test_state_read_before_an_event__does_not_undo_what_the_event_says(dashboard: Open, drawn: Drawn) -> None:
    """An alert fires when the state is read and ends while the answer is on its way: its row must not stay."""
    alert = {"alert": "a1", "alertname": "HighErrorRate", "severity": "critical", "service": "web", "summary": "Many"}
    alert |= {"starts_at": "2026-01-01T12:00:00Z", "runbook_url": "", "dashboard_url": ""}
    state = {**drawn.state, "alerts": [alert]}
    firing, resolved = ({"channel": "events:alerts", "data": {**alert, "state": how}} for how in ("firing", "resolved"))
    answers: list[Route] = []

    with dashboard(answers.append) as page:
        panel = page.locator('[data-panel="alerts"]')
        go_live(page, {**firing, "id": 1})
        expect(panel.locator("li")).to_have_count(1)
        say(page, {"type": "gap", "channel": ORDERS, "epoch": "k9", "from": 0, "to": 7, "reason": "limit"})
        wait_for_answers(page, answers)

        say(page, {**resolved, "id": 2}, order(8))
        answers[0].fulfill(json=state)

        expect(page.locator('[data-order="ORD-8"]')).to_be_visible()
        expect(panel).to_be_hidden()
        expect(panel.locator("li")).to_have_count(0)


def wait_for_answers(page: Page, answers: list[Route]) -> None:
    """Until the page has asked for its state."""
    while not answers:
        page.wait_for_timeout(20)
