"""Whom the site asks, and how that went."""

import http.server
import threading
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import REGISTRY

from coupon_site.upstream import SERVICES, STATUSES, CountedTransport, class_of


class Answers(http.server.BaseHTTPRequestHandler):
    """Whatever status the path says."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(transport=CountedTransport("bank")) as client:
        yield client


def counted(status: str) -> float:
    value = REGISTRY.get_sample_value("upstream_requests_total", {"service": "bank", "status": status})
    assert value is not None
    return value


@pytest.mark.parametrize(("status", "name"), [(204, "2xx"), (302, "3xx"), (404, "4xx"), (503, "5xx")])
def test_answer__is_counted_by_its_class_and_timed(client: httpx.Client, address: str, status: int, name: str) -> None:
    before = counted(name)
    timed = REGISTRY.get_sample_value("upstream_request_duration_seconds_count", {"service": "bank"})

    client.get(f"{address}/{status}")

    assert counted(name) == before + 1
    assert REGISTRY.get_sample_value("upstream_request_duration_seconds_count", {"service": "bank"}) == timed + 1


def test_nobody_there__is_an_error(client: httpx.Client) -> None:
    before = counted("error")

    with pytest.raises(httpx.ConnectError):
        client.get("http://127.0.0.1:1/")

    assert counted("error") == before + 1


@pytest.mark.parametrize("status", [None, 0, 99, 100, 799])
def test_status_that_somebody_made_up__makes_no_series(status: int | None) -> None:
    assert class_of(status) == "error"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("status", STATUSES)
def test_every_service__is_there_before_it_is_asked(service: str, status: str) -> None:
    labels = {"service": service, "status": status}
    assert REGISTRY.get_sample_value("upstream_requests_total", labels) is not None
