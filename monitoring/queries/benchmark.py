"""How the last hour went, out of the window in Redis."""

from datetime import datetime
from math import ceil
from statistics import fmean
from typing import Any

from events.events import as_json
from monitoring import window


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


def latencies(values: list[int]) -> dict[str, float | int]:
    """Average and percentiles of sorted values; zeros when there are none."""
    return {
        "count": len(values),
        "average": average(values),
        "p50": percentile(values, 0.50),
        "p95": percentile(values, 0.95),
        "p99": percentile(values, 0.99),
        "max": values[-1] if values else 0,
    }


def percentile(values: list[int], share: float) -> int:
    """The nearest-rank percentile of sorted values."""
    return values[ceil(len(values) * share) - 1] if values else 0


def average(values: list[int] | list[float]) -> float:
    return round(fmean(values), 3) if values else 0.0


def extremes(values: list[float]) -> dict[str, int]:
    """The newest and the highest."""
    return {"current": int(values[-1]) if values else 0, "peak": int(max(values, default=0))}
