"""From a reserved order to a payment."""

from datetime import datetime

from django.db import transaction

from orders.errors import NotPayable
from orders.models import Order, OrderState
from orders.services.settlement import confirm_order
from payments import services as payments
from payments.models import Payment, PaymentState
from payments.queries import payments_of


def pay_order(*, order: Order, at: datetime) -> None:
    """Start an order's first payment over HTTP; further ones are the buyer's to ask for. May be told twice.

    Belongs outside of transactions. Raises ProviderUnavailable: call again.
    """
    if not order.can_be_paid(at):
        return
    if order.total_minor == 0:
        confirm_order(order=order, captured_minor=0)
        return
    latest = payments_of(order.public_id).last()
    if latest is None or latest.state == PaymentState.CREATED:
        payments.start_payment(
            reference=order.public_id,
            payer=order.buyer,
            amount_minor=order.total_minor,
            currency=order.currency,
            method=order.payment_method,
        )


@transaction.atomic
def retry_payment(*, order: Order, method: str, at: datetime) -> Payment:
    """Another payment after one that failed. Raises NotPayable, PaymentInProgress."""
    order = Order.objects.select_for_update(no_key=True, of=("self",)).select_related("buyer").get(pk=order.pk)
    if not order.can_be_paid(at) or order.total_minor == 0:
        raise NotPayable(state=str(order.state))
    return payments.queue_payment(
        reference=order.public_id,
        payer=order.buyer,
        amount_minor=order.total_minor,
        currency=order.currency,
        method=method,
    )


@transaction.atomic
def release_payment(*, order: Order) -> bool:
    """Let go what would pay for an order that takes no money any more; whether there was such a payment."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    if order.state == OrderState.RESERVED:
        return False
    return payments.release_payment(reference=order.public_id, reason=f"order {order.number} is {order.state}")
