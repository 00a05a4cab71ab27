import pytest
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks

from coupon_site.errors import IllegalTransition
from coupon_site.tracing import request_id
from events.models import OutboxEvent
from orders.models import Order, OrderState
from orders.services import mark_fulfilled

pytestmark = pytest.mark.django_db


def test_paid_order__is_fulfilled_and_announced(paid_order: Order) -> None:
    fulfilled = mark_fulfilled(order=paid_order)

    paid_order.refresh_from_db()
    assert fulfilled.state == paid_order.state == OrderState.FULFILLED
    assert paid_order.fulfilled_at is not None
    assert OutboxEvent.objects.filter(event_type="order.fulfilled").count() == 1


def test_told_twice__nothing_happens(fulfilled_order: Order) -> None:
    again = mark_fulfilled(order=fulfilled_order)

    assert again.fulfilled_at == fulfilled_order.fulfilled_at
    assert OutboxEvent.objects.filter(event_type="order.fulfilled").count() == 1


@pytest.mark.parametrize("state", ["reserved", "expired", "cancelled", "refunded"])
def test_unpaid_order__is_refused(order: Order, state: str) -> None:
    Order.objects.update(state=state)

    with pytest.raises(IllegalTransition):
        mark_fulfilled(order=order)

    assert not OutboxEvent.objects.filter(event_type="order.fulfilled").exists()


def test_time_from_reservation__is_measured_with_its_request(
    paid_order: Order, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    before = REGISTRY.get_sample_value("order_processing_duration_seconds_count") or 0
    token = request_id.set("request-of-the-test")

    try:
        with django_capture_on_commit_callbacks(execute=True):
            mark_fulfilled(order=paid_order)
    finally:
        request_id.reset(token)

    assert REGISTRY.get_sample_value("order_processing_duration_seconds_count") == before + 1
    [metric] = [each for each in REGISTRY.collect() if each.name == "order_processing_duration_seconds"]
    traces = [sample.exemplar.labels for sample in metric.samples if sample.exemplar]
    assert {"request_id": "request-of-the-test"} in traces
