"""Orders' own Prometheus series; every child exists from the start, so that a rate over it is never absent."""

from typing import Final

from prometheus_client import Counter, Histogram, disable_created_metrics
from prometheus_client.metrics_core import Metric

STATUSES: Final = ("success", "failed")
REFUSALS: Final = (
    "sale_unknown",
    "sale_closed",
    "limit_reached",
    "sold_out",
    "mixed_currencies",
    "not_giftable",
    "sale_busy",
)
GATE_ANSWERS: Final = ("admitted", "sold_out", "sale_closed", "unavailable")

# `orders_total` would bring a time series `orders_created`: a name that `orders_created_total` lays claim to as well.
disable_created_metrics()


class StatusCounter(Counter):
    """A counter whose claim to `…_created` the registry does not see."""

    def describe(self) -> list[Metric]:
        return []


ORDERS_CREATED = Counter("orders_created_total", "Orders that hold stock, whatever becomes of them")
ORDERS = StatusCounter(
    "orders_total", "Orders by how they ended: paid, or expired, cancelled, refunded unpaid", ["status"]
)
ORDERS_REFUSED = Counter("orders_refused_total", "Attempts that made no order", ["reason"])
PROCESSING_SECONDS = Histogram(
    "order_processing_duration_seconds",
    "From reservation to vouchers",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120),
)
GATE = Counter("order_gate_answers_total", "What the gate in front of the database said", ["answer"])

for status in STATUSES:
    ORDERS.labels(status)
for refusal in REFUSALS:
    ORDERS_REFUSED.labels(refusal)
for answer in GATE_ANSWERS:
    GATE.labels(answer)
