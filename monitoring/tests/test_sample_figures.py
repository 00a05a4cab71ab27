"""The live stream: one reading for all listeners of a process, and never too much of them."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import orjson
import pytest

from coupon_site import redis
from events.streams import figure_streams, reports
from monitoring import processes
from monitoring.streams import Paced

REQUIRED = {
    "at", "orders_per_minute", "fulfilled_per_minute", "revenue_today", "paid_today", "fulfilled_today",
    "orders_pending", "cashback_pending", "outbox_queued", "outbox_in_flight", "outbox_oldest_seconds", "outbox_dead",
    "sockets", "error_rate", "latency_avg_seconds", "latency_p95_seconds", "sales",
}  # fmt: skip


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of readings."""
    moment = [100.0]
    monkeypatch.setattr("monitoring.streams.time", SimpleNamespace(monotonic=lambda: moment[0]))
    return moment


@pytest.fixture
def measure(now: list[float]) -> Callable[[], dict[str, int]]:
    """A reading that takes half a second and counts itself."""
    counted = {"readings": 0}

    def read() -> dict[str, int]:
        now[0] += 0.5
        counted["readings"] += 1
        return dict(counted)

    return read


def test_slow_reading__is_shown_again_for_ten_times_as_long_as_it_took(
    measure: Callable[[], dict[str, int]], now: list[float]
) -> None:
    paced = Paced(measure)

    assert paced() == paced() == {"readings": 1}
    now[0] = 104.9
    assert paced() == {"readings": 1}
    now[0] = 105.0
    assert paced() == {"readings": 2}


@pytest.mark.django_db(transaction=True)
async def test_stream_and_report__are_offered_to_staff() -> None:
    stream, report = figure_streams["metrics"], reports["benchmark-report"]

    figures, benchmark = await stream.sample(), await report.answer()

    assert set(figures) == REQUIRED
    assert orjson.loads(orjson.dumps(figures)) == figures
    assert set(benchmark) >= {"throughput", "order_latency_ms", "error_rate"}


def test_load__is_the_sum_of_processes_that_spoke_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "own_load", lambda: processes.Load(sockets=1, requests=10, failures=0))
    said = {"other": [time.time(), 4, 90, 5], "silent": [time.time() - 60, 100, 100, 100]}
    for name, load in said.items():
        redis.client().hset(processes.PROCESSES, name, orjson.dumps(load))
    processes.report()  # what this process said itself is not counted twice

    load = processes.whole_load()

    assert (load.sockets, load.requests, load.error_rate) == (5, 100, 0.05)
    assert set(redis.client().hkeys(processes.PROCESSES)) == {b"other", processes.NAME.encode()}


def test_no_request_at_all__has_no_error_rate() -> None:
    assert processes.Load().error_rate is None
