"""Reactions to orders, and what the clock asks of vouchers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone

from events import handles, sweep
from orders.events import OrderChargedBack, OrderPaid
from orders.models import Order
from orders.services import before_refund
from vouchers import services
from vouchers.errors import CodesExhausted
from vouchers.metrics import ticket_generation_failures_total

if TYPE_CHECKING:
    from events.models import OutboxMessage

REFUSALS_KEPT = timedelta(days=30)


@handles(OrderPaid)
def issue_vouchers(message: "OutboxMessage") -> None:
    """A paid order gets its vouchers and is fulfilled."""
    with counted_failures():
        services.issue_vouchers(order=UUID(message.payload["order"]), at=timezone.now())


@before_refund
def take_back_vouchers(order: Order) -> None:
    """No money goes back for a voucher that was used; the others are worth nothing afterwards."""
    services.take_back_vouchers(order=order, at=timezone.now(), reason="the order is refunded")


@handles(OrderChargedBack)
def withdraw_vouchers(message: "OutboxMessage") -> None:
    """The payer has their money back, and used some of their vouchers: the others are worth nothing any more."""
    order = Order.objects.get(public_id=message.payload["order"])
    services.withdraw_vouchers(order=order, at=timezone.now(), reason="the payment was charged back")


@sweep(every=timedelta(minutes=1))
def expire_vouchers() -> int:
    """Write down what has expired."""
    return services.expire_vouchers(at=timezone.now())


@sweep(every=timedelta(seconds=10))
def deliver_gifts() -> int:
    """Send what was to be sent by now."""
    return services.deliver_due(at=timezone.now())


@sweep(every=timedelta(seconds=30))
def expire_gifts() -> int:
    """What nobody opened goes back to its giver."""
    return services.expire_gifts(at=timezone.now())


@sweep(every=timedelta(hours=6))
def forget_refusals() -> int:
    """Keep the table of refused scans small."""
    return services.forget_refusals(before=timezone.now() - REFUSALS_KEPT)


@contextmanager
def counted_failures() -> Iterator[None]:
    """Count why issuing failed; the error goes on to the worker, which tries again."""
    try:
        yield
    except Exception as error:
        ticket_generation_failures_total.labels(reason=reason_of(error)).inc()
        raise


def reason_of(error: Exception) -> str:
    """One of `FAILURE_REASONS`."""
    match error:
        case Order.DoesNotExist():
            return "order_missing"
        case CodesExhausted():
            return "codes_exhausted"
        case DatabaseError():
            return "database"
    return "defect"
