"""The page for shop fronts: its first example does what it says."""

import re

import pytest

from tests.live import ROOT, wait_for
from tests.live_client.frames import ORDERS, event, go_live, subscribed
from tests.live_client.tab import Tab

pytestmark = pytest.mark.xdist_group("live_client")

DOCUMENT = (ROOT / "docs" / "realtime.md").read_text()
RUN = """(example) => {
    window.shown = [];
    window.show = (orders) => shown.push(...orders);
    window.showOrder = (order) => shown.push(order);
    window.fetch = async (url) => new Response(JSON.stringify({ results: [url] }));
    const script = Object.assign(document.createElement("script"), { type: "module", textContent: example });
    document.head.append(script);
}"""


def test_example__shows_what_there_is_and_then_what_comes(tab: Tab) -> None:
    (example,) = re.findall(r"```html\n<script type=\"module\">\n(.*?)</script>", DOCUMENT, re.DOTALL)

    tab.page.evaluate(RUN, example)
    wait_for(tab.sockets, "the example to open a socket")
    said = go_live(tab, subscribed(7, recovered=False), event(8))

    assert said[0] == {"type": "subscribe", "channel": ORDERS, "ref": ORDERS}
    assert tab.page.evaluate("shown") == ["/api/v1/orders/", {"n": 8}]
