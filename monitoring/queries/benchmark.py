"""How the last hour went, out of the window in Redis."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil
from statistics import fmean
from typing import Any

from events.events import as_json
from monitoring import window

SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
SHOWN_SHARES = {"p50": 0.50, "p75": 0.75, "p90": 0.90, "p95": 0.95, "p99": 0.99, "max": 1.0}
# What the page draws of each sample.
DRAWN = (
    "at",
    "orders_per_minute",
    "fulfilled_per_minute",
    "latency_avg_seconds",
    "latency_p95_seconds",
    "error_rate",
    "outbox_queued",
)


def report(at: datetime) -> dict[str, Any]:
    """Throughput, latencies in milliseconds, outcomes, queue and sockets."""
    throughput = window.series("throughput", at=at)
    statuses = window.statuses()
    decided = statuses["success"] + statuses["failed"]
    return {
        "at": as_json(at),
        "sampled_at": as_json(window.sampled_at()),
        "period_seconds": window.TTL_SECONDS,
        "throughput": {"average_per_second": average(throughput), "peak_per_second": max(throughput, default=0.0)},
        "order_latency_ms": latencies(window.durations(window.ORDER_LATENCY)),
        "processing_time_ms": latencies(window.durations(window.PROCESSING_TIME)),
        "orders": statuses,
        "error_rate": round(statuses["failed"] / decided, 5) if decided else 0.0,
        "queue_length": extremes(window.series("queue_length", at=at)),
        "active_connections": extremes(window.series("active_connections", at=at)),
    }


def lines() -> list[dict[str, Any]]:
    """The hour's samples, as far as they are drawn, the oldest first."""
    return [{name: sample[name] for name in DRAWN} for sample in window.history(seconds=window.TTL_SECONDS)]


def percentiles() -> list[dict[str, Any]]:
    """A row for each percentile: from reservation to vouchers, and the part of it from the money on."""
    orders, work = window.durations(window.ORDER_LATENCY), window.durations(window.PROCESSING_TIME)
    longest = max([*orders[-1:], *work[-1:], 1])
    return [
        {"name": name, "order": shown(orders, share, longest), "work": shown(work, share, longest)}
        for name, share in SHOWN_SHARES.items()
    ]


def shown(values: Sequence[int], share: float, longest: int) -> Mapping[str, float]:
    """Seconds, and per cent of the longest."""
    milliseconds = percentile(values, share)
    return {"seconds": milliseconds / 1000, "width": round(100 * milliseconds / longest, 2)}


def latencies(values: Sequence[int]) -> dict[str, float | int]:
    """Average and percentiles of sorted values; zeros when there are none."""
    return {
        "count": len(values),
        "average": average(values),
        **{name: percentile(values, share) for name, share in SHARES.items()},
        "max": values[-1] if values else 0,
    }


def percentile(values: Sequence[int], share: float) -> int:
    """The nearest-rank percentile of sorted values."""
    return values[ceil(len(values) * share) - 1] if values else 0


def average(values: Sequence[float]) -> float:
    return round(fmean(values), 3) if values else 0.0


def extremes(values: Sequence[float]) -> dict[str, int]:
    """The newest and the highest."""
    return {"current": int(values[-1]) if values else 0, "peak": int(max(values, default=0))}
