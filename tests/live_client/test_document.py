"""The page for shop fronts: its examples do what they say."""

import re
from typing import Any

import pytest

from tests.live import ROOT, wait_for
from tests.live_client.frames import KNOWN, ORDERS, event, go_live, subscribed
from tests.live_client.tab import Tab

pytestmark = pytest.mark.xdist_group("live_client")

DOCUMENT = (ROOT / "docs" / "realtime.md").read_text()
EXAMPLES = re.findall(r"```html\n<script type=\"module\">\n(.*?)</script>|```js\n(.*?)```", DOCUMENT, re.DOTALL)
POSITION = {"headers": {"Stream-Position": f"{ORDERS}=k3Jx:42"}}
RUN = """([example, options]) => {
    window.shown = [];
    window.through = () => { window.isThrough = true; };
    window.show = (orders) => shown.push(...orders);
    window.showOrders = () => shown.push("all again");
    window.showOrder = (order) => shown.push(order);
    window.fetch = async (url) => new Response(JSON.stringify({ results: [url] }), options);
    const code = { type: "module", textContent: `${example}; through()` };
    document.head.append(Object.assign(document.createElement("script"), code));
}"""


def run(tab: Tab, marker: str, options: dict[str, Any] | None = None) -> None:
    """The example of the page that says `marker`."""
    (example,) = (code for code in map("".join, EXAMPLES) if marker in code)
    tab.page.evaluate(RUN, [example, options or {}])
    wait_for(lambda: tab.page.evaluate("window.isThrough"), "the example to be through")


def test_example__shows_what_there_is_and_then_what_comes(tab: Tab) -> None:
    run(tab, "showOrder(data)")
    said = go_live(tab, subscribed(7, recovered=False), event(8))

    assert said[0] == {"type": "subscribe", "channel": ORDERS, "ref": ORDERS}
    assert tab.page.evaluate("shown") == ["/api/v1/orders/", {"n": 8}]


def test_example_with_rows__follows_from_where_they_were_read(tab: Tab) -> None:
    run(tab, "positionsOf(answer)", POSITION)
    said = go_live(tab, subscribed(44))

    assert said[0] == {"type": "subscribe", "channel": ORDERS, "ref": ORDERS, "since": 42, "epoch": "k3Jx"}
    assert tab.page.evaluate("shown") == ["/api/v1/orders/"]


def test_example_of_many_events__draws_once_per_frame(tab: Tab) -> None:
    tab.begin(channels=[ORDERS], positions=KNOWN)
    tab.page.evaluate(
        "Object.assign(window, { rows: [], drawn: [], chart: { setData: (all) => drawn.push(all.length) } })"
    )
    run(tab, "perFrame(() =>")

    go_live(tab, subscribed(41), event(42), event(43), event(44))
    tab.wait(0.1)

    assert tab.page.evaluate("drawn") == [3]
