"""What a load test measures, as Prometheus reads it: loadtest_* on a port of its own."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Bounds of the site's own histogram of requests, so that both can be laid over each other.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
METHODS = {"GET", "POST"}


class Figures:
    """Series of one load test. Names are those of the visits: a request's own address never becomes a label."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "loadtest_requests", "Requests made", ["method", "name", "result"], registry=self.registry
        )
        self.seconds = Histogram(
            "loadtest_request_duration_seconds",
            "From asking to the last byte",
            ["method", "name"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.bytes = Counter("loadtest_response_bytes", "Bytes of answers", registry=self.registry)
        self.users = Gauge("loadtest_users", "Visitors at the moment", registry=self.registry)

    def expect(self, *names: tuple[str, str]) -> None:
        """Start at 0, so that the first request is already an increase."""
        for method, name in names:
            self.seconds.labels(method, name)
            for result in ("ok", "failed"):
                self.requests.labels(method, name, result)

    def watch(self, count: Callable[[], int]) -> None:
        """Where the number of visitors is asked."""
        self.users.set_function(count)

    def keep(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float,
        response_length: int | None,
        exception: BaseException | None = None,
        **context: Any,
    ) -> None:
        """A listener of Locust's `request` event; `response_time` is in milliseconds."""
        method = request_type if request_type in METHODS else "OTHER"
        self.requests.labels(method, name, "failed" if exception else "ok").inc()
        self.seconds.labels(method, name).observe(response_time / 1000)
        self.bytes.inc(response_length or 0)
