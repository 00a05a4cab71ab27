"""The last hour in Redis: the keys that flash sale dashboards know, and nothing older than an hour."""

from datetime import timedelta

import pytest
from django.utils import timezone

from coupon_site import redis
from monitoring import window
from monitoring.queries import benchmark
from monitoring.services import record_slot
from monitoring.tests.conftest import MakeOrder, MakeSale
from orders.models import OrderState

pytestmark = pytest.mark.django_db


def keys() -> set[str]:
    return {key.decode() for key in redis.client().scan_iter("flash_sale_metrics:*")}


def test_slot__is_kept_under_the_known_keys_for_an_hour(make_order: MakeOrder, make_sale: MakeSale) -> None:
    sale = make_sale(total=10, reserved=1, sold=4)
    make_order(state=OrderState.FULFILLED, took=3, sale=sale)
    at = timezone.now()

    record_slot(at=at)

    second = window.slot_of(at)
    expected = {
        *(f"flash_sale_metrics:{name}:{second}" for name in ("throughput", "queue_length", "active_connections")),
        *(f"flash_sale_metrics:order_status:{status}" for status in ("success", "failed", "pending")),
        f"flash_sale_metrics:inventory:{sale.offer.public_id}",
        "flash_sale_metrics:order_latency",
        "flash_sale_metrics:processing_time",
    }
    assert expected <= keys()
    assert redis.client().get(f"flash_sale_metrics:inventory:{sale.offer.public_id}") == b"5"
    assert all(0 < redis.client().ttl(key) <= 3600 for key in keys())


def test_orders_of_the_hour__are_counted_by_what_became_of_them(make_order: MakeOrder) -> None:
    for state in (OrderState.PAID, OrderState.FULFILLED, OrderState.EXPIRED, OrderState.RESERVED):
        make_order(state=state)
    make_order(state=OrderState.FULFILLED, seconds_ago=3700)

    record_slot(at=timezone.now())

    assert window.statuses() == {"success": 2, "failed": 1, "pending": 1}


def test_fulfilled_order__adds_its_durations_exactly_once(make_order: MakeOrder) -> None:
    make_order(state=OrderState.FULFILLED, took=4)
    at = timezone.now()

    record_slot(at=at)
    record_slot(at=at + timedelta(seconds=5))

    assert window.durations(window.ORDER_LATENCY) == [4000]
    assert window.durations(window.PROCESSING_TIME) == [2000]


def test_orders_between_two_slots__are_their_throughput(make_order: MakeOrder) -> None:
    at = timezone.now()
    record_slot(at=at)
    for _ in range(10):
        make_order(seconds_ago=-1, at=at)  # a second after the first slot

    made = record_slot(at=at + timedelta(seconds=5))

    assert made == 10
    assert window.series("throughput", at=at + timedelta(seconds=5))[-1] == 2.0


def test_lists__never_grow_without_end(monkeypatch: pytest.MonkeyPatch, make_order: MakeOrder) -> None:
    monkeypatch.setattr(window, "LONGEST_LIST", 3)
    for _ in range(5):
        make_order(state=OrderState.FULFILLED)

    record_slot(at=timezone.now())

    assert len(window.durations(window.ORDER_LATENCY)) == 3


def test_report__tells_throughput_latencies_and_error_rate(make_order: MakeOrder) -> None:
    for took in range(1, 101):
        make_order(state=OrderState.FULFILLED, seconds_ago=200, took=took)
    for _ in range(25):
        make_order(state=OrderState.EXPIRED)
    at = timezone.now()
    record_slot(at=at)

    report = benchmark.report(at)

    latency = report["order_latency_ms"]
    assert (latency["count"], latency["p50"], latency["p95"], latency["p99"]) == (100, 50_000, 95_000, 99_000)
    assert latency["average"] == 50_500
    assert report["error_rate"] == 0.2
    assert report["throughput"]["peak_per_second"] > 0
    assert report["queue_length"] == {"current": 0, "peak": 0}


def test_report_of_an_empty_hour__is_all_zeros() -> None:
    report = benchmark.report(timezone.now())

    assert report["order_latency_ms"] == {"count": 0, "average": 0.0, "p50": 0, "p95": 0, "p99": 0, "max": 0}
    assert report["error_rate"] == 0.0
    assert report["sampled_at"] is None
