"""Series of every process: HTTP requests, logged errors, which build runs, and older names of what others count."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from events import metrics as outbox

# Every threshold of an alert or an objective is one of these bounds.
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
LOG_LEVELS = ("error", "critical")

http_requests_total = Counter("http_requests_total", "HTTP requests answered", ["method", "path", "status"])
http_request_duration_seconds = Histogram(
    "http_request_duration_seconds", "Time from request to answer", ["method", "path"], buckets=DURATION_BUCKETS
)
http_active_connections = Gauge("http_active_connections", "HTTP requests in progress")
sentry_errors_total = Counter("sentry_errors_total", "Errors that were logged", ["level"])
app_build_info = Gauge("app_build_info", "1 for the build that runs", ["version", "commit"])

for _level in LOG_LEVELS:
    sentry_errors_total.labels(_level)


class JobDurations(Collector):
    """`flash_sale_job_duration_seconds{queue}` is `outbox_processing_duration_seconds{topic}` under its older name."""

    def describe(self) -> Iterator[Metric]:
        yield HistogramMetricFamily("flash_sale_job_duration_seconds", "Time in a handler", labels=["queue"])

    def collect(self) -> Iterator[Metric]:
        for family in self.describe():
            for original in outbox.processing_duration.collect():
                for sample in original.samples:
                    labels = {"queue" if name == "topic" else name: value for name, value in sample.labels.items()}
                    name = sample.name.replace(original.name, family.name)
                    family.samples.append(sample._replace(name=name, labels=labels))
            yield family


REGISTRY.register(JobDurations())
