"""What orders do when something is told, or the clock says so."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from coupon_site.identifiers import uuid7
from events import publish
from events.models import OutboxMessage
from events.registry import registry
from orders.models import Order
from orders.tests.factories import captured_payment
from payments.events import PaymentCaptured, PaymentRefunded
from payments.models import Payment

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]


def captured(payment: Payment) -> PaymentCaptured:
    return PaymentCaptured(
        payment=payment.public_id, reference=payment.reference, amount_minor=payment.captured_minor, currency="GBP"
    )


def dead_or_waiting() -> list[str]:
    return list(OutboxMessage.objects.exclude(state="delivered").values_list("handler", "last_error"))


def test_captured_payment__pays_its_order_once(order: Order, drain: Drain) -> None:
    payment = captured_payment(order)
    OutboxMessage.objects.all().delete()

    with transaction.atomic():
        publish(captured(payment))
        publish(captured(payment))
    drain()

    order.refresh_from_db()
    assert order.paid_by == payment
    assert dead_or_waiting() == []


def test_payment_for_something_else__is_left_alone(order: Order, drain: Drain) -> None:
    OutboxMessage.objects.all().delete()
    Payment.objects.filter(pk=captured_payment(order).pk).update(reference=uuid7())
    payment = Payment.objects.get()

    with transaction.atomic():
        publish(captured(payment))
        publish(
            PaymentRefunded(
                payment=payment.public_id,
                refund=uuid7(),
                reference=payment.reference,
                amount_minor=1,
                refunded_minor=1,
                currency="GBP",
            )
        )
    drain()

    order.refresh_from_db()
    assert order.state == "reserved"
    assert dead_or_waiting() == []


def test_sweeps__come_by_as_often_as_they_must() -> None:
    every = {name: sweep.every for name, sweep in registry.sweeps.items() if name.startswith(("orders.", "payments."))}

    assert every == {
        "orders.handlers.expire_orders": timedelta(seconds=5),
        "orders.handlers.rebuild_gate": timedelta(seconds=2),
        "payments.handlers.poll_payments": timedelta(seconds=10),
        "payments.handlers.poll_refunds": timedelta(seconds=10),
        "payments.handlers.poll_disputes": timedelta(seconds=10),
        "payments.handlers.find_disputes": timedelta(minutes=10),
        "payments.handlers.forget_receipts": timedelta(hours=6),
    }


def test_expiry_by_the_clock__closes_what_has_run_out(order: Order) -> None:
    sweep = registry.sweeps["orders.handlers.expire_orders"].function
    assert sweep() == 0

    Order.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert sweep() == 1


def test_gate_by_the_clock__knows_the_live_sales(order: Order) -> None:
    assert registry.sweeps["orders.handlers.rebuild_gate"].function() == 1
