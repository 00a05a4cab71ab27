"""What the site asks of others over HTTP, counted by who was asked and how it went."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import httpx
from prometheus_client import Counter, Histogram

# Who is asked: the sandbox bank, what it tells the site itself, Grafana, the payouts' bank, Stripe, shops' endpoints.
SERVICES: Final = ("bank", "bank_webhooks", "grafana", "payouts", "stripe", "webhooks")
# Others choose their status codes, so that only classes become label values.
STATUSES: Final = ("2xx", "3xx", "4xx", "5xx", "error")

requests_total = Counter(
    "upstream_requests_total", "Requests to others, by class of their answer", ["service", "status"]
)
request_duration = Histogram(
    "upstream_request_duration_seconds",
    "Until another service has answered, or failed to",
    ["service"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

for _service in SERVICES:
    request_duration.labels(_service)
    for _status in STATUSES:
        requests_total.labels(_service, _status)


def count_request(service: str, *, status: int | None, seconds: float) -> None:
    """One request that was answered, or not: then without a status."""
    requests_total.labels(service, class_of(status)).inc()
    request_duration.labels(service).observe(seconds)


def class_of(status: int | None) -> str:
    """`2xx` of 204; what is no status counts as an error."""
    name = f"{(status or 0) // 100}xx"
    return name if name in STATUSES else "error"


@contextmanager
def request_to(service: str) -> Iterator[Callable[[int], None]]:
    """Time a request; the caller says what status came back. One that raises came to nothing."""
    answered: list[int] = []
    started = time.perf_counter()
    try:
        yield answered.append
    finally:
        count_request(service, status=answered[-1] if answered else None, seconds=time.perf_counter() - started)


class CountedTransport(httpx.HTTPTransport):
    """httpx's own transport, not through a proxy of the environment: its services are the site's own host."""

    def __init__(self, service: str) -> None:
        super().__init__(trust_env=False)
        self.service = service

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with request_to(self.service) as answered:
            response = super().handle_request(request)
            answered(response.status_code)
        return response
