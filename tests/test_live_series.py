"""What the processes of a running site show Prometheus: few series, nobody's data, and ways to single requests."""

import re
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

PROCESSES = ("web", "worker", "importer", "relay", "exporter")
BUDGET = 4000
PERSONAL = {
    "e-mail": re.compile(r"[^@\s]+@[^@\s]+\.\w+"),
    "id": re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE),
    "IPv4": re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
    "IPv6": re.compile(r"(?:[0-9a-f]{1,4}:){2,}[0-9a-f]{1,4}", re.IGNORECASE),
    "number of a row": re.compile(r"\d{6,}"),
}
NO_TEXT = {"le", "commit", "version"}


def page(site: LiveSite, process: str, **headers: str) -> httpx.Response:
    """What a process serves on its own port, without a token."""
    port = site.metrics_port if process == "web" else site.ports[process]
    return httpx.get(f"http://127.0.0.1:{port}/metrics", headers=headers, timeout=30)


def series(answer: httpx.Response) -> set[str]:
    return {line.split(" ")[0] for line in answer.text.splitlines()}


@pytest.fixture(scope="module")
def _some_trade(live_site: LiveSite) -> None:
    """Orders, reads, mistakes, a page of the admin: something in every process."""
    with live_site.client() as client:
        order = live_site.buy()
        client.get(f"/api/v1/orders/{order['id']}/")
        client.get(f"/api/v1/orders/{uuid4()}/")
        client.get("/api/v1/nobody@example.com/203.0.113.7/")
        wait_for(lambda: client.get(f"/api/v1/orders/{order['id']}/").json()["state"] == "fulfilled", "the vouchers")


@pytest.mark.usefixtures("_some_trade")
@pytest.mark.parametrize("process", PROCESSES)
def test_series_of_each_process__are_few_and_hold_nobody_s_data(live_site: LiveSite, process: str) -> None:
    families = text_string_to_metric_families(page(live_site, process).text)
    samples = [sample for family in families for sample in family.samples]

    assert 300 < len(samples) < BUDGET
    values = {value for sample in samples for name, value in sample.labels.items() if name not in NO_TEXT}
    assert not [(kind, value) for value in values for kind, found in PERSONAL.items() if found.search(value)]


@pytest.mark.usefixtures("_some_trade")
def test_metrics_port_of_the_web_process__shows_what_its_main_port_does(live_site: LiveSite) -> None:
    token = {"Authorization": f"Bearer {live_site.metrics_token}"}

    def both() -> list[httpx.Response]:
        return [httpx.get(f"{live_site.url}/metrics", headers=token, timeout=30), page(live_site, "web")]

    main, own = both()

    assert main.headers["Content-Type"] == own.headers["Content-Type"]
    # A series may begin between the two.
    wait_for(lambda: not set.symmetric_difference(*map(series, both())), "the same series at both")
    assert httpx.get(f"http://127.0.0.1:{live_site.metrics_port}/livez", timeout=30).status_code == 200


@pytest.mark.usefixtures("_some_trade")
@pytest.mark.parametrize(
    ("process", "name"), [("web", "http_request_duration_seconds"), ("worker", "order_processing_duration_seconds")]
)
def test_exemplars__lead_from_a_figure_to_a_request(live_site: LiveSite, process: str, name: str) -> None:
    openmetrics = page(live_site, process, Accept="application/openmetrics-text;version=1.0.0")

    examples = re.findall(rf'^{name}_bucket{{.*}} [\d.]+ # {{request_id="([\w.-]+)"}} ', openmetrics.text, re.MULTILINE)
    assert examples
    assert all(8 <= len(each) <= 64 for each in examples)
