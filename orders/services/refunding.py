"""Giving back the money of paid orders."""

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction

from accounts.models import User
from coupon_site.errors import DomainError
from coupon_site.transitions import move
from events import publish
from orders.errors import NotRefundable
from orders.events import OrderChargedBack, OrderPartlyRefunded, OrderRefunded
from orders.models import HoldState, Order, OrderState
from orders.services.allowances import give_back_allowances
from orders.services.facts import fact
from orders.services.stock import move_holds
from payments.models import Payment, Refund
from payments.services import request_refund

logger = logging.getLogger(__name__)

Undo = Callable[[Order], None]
U = TypeVar("U", bound=Undo)

_undoes: list[Undo] = []


def before_refund(undo: U) -> U:
    """Decorator of an app above: called, in the refund's transaction, with each order that is refunded as a whole.

    It takes back what the order led to, such as vouchers, or raises a DomainError, and the order is not refunded.
    """
    _undoes.append(undo)
    return undo


@transaction.atomic
def refund_order(
    *, order: Order, actor: User | None = None, reason: str = "", amount_minor: int | None = None, key: str = ""
) -> Refund:
    """Give back a part of an order's money, or what is left of it; with the last part the order is undone.

    The same `key` is the same refund. Raises NotRefundable, RefundTooLarge, RefundKeyReused, and what `before_refund`
    functions raise.
    """
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    payment = order.paid_by
    if payment is None or (amount_minor is None and payment.refundable_minor == 0):
        raise NotRefundable(state=str(order.state), payment=str(payment.state) if payment else "none")
    refund = request_refund(
        payment=payment,
        amount_minor=payment.refundable_minor if amount_minor is None else amount_minor,
        reason=reason or f"order {order.number}",
        key=key or f"rest:{payment.public_id}:{payment.refunded_minor + payment.refunding_minor}",
        actor=actor,
    )
    payment.refresh_from_db()
    if payment.refundable_minor == 0 and order.state != OrderState.REFUNDED:
        undo_order(order, actor=actor, reason=reason)
    return refund


def undo_order(order: Order, *, actor: User | None, reason: str) -> None:
    """Nothing of the order remains: what it led to is taken back, its units may be sold again."""
    for undo in _undoes:
        undo(order)
    move_holds([order.pk], source=HoldState.SOLD, target=HoldState.RELEASED)
    give_back_allowances([order.pk])
    move(order, OrderState.REFUNDED, actor=actor, reason=reason)
    publish(fact(OrderRefunded, order))


@transaction.atomic
def charge_back_order(*, order: Order, payment: Payment) -> Order:
    """The payer's bank took an order's money back: the order is undone, or what is left of it. May be told twice."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    if order.paid_by_id != payment.pk or order.state == OrderState.REFUNDED:
        return order
    try:
        with transaction.atomic():
            undo_order(order, actor=None, reason="charged back by the payer's bank")
    except DomainError as used:
        logger.warning("order %s is charged back, and can't be undone: %s", order.number, used)
        publish(fact(OrderChargedBack, order))
    return order


@transaction.atomic
def book_refund(*, order: Order, payment: Payment, refunded_minor: int) -> Order:
    """Money has gone back; `refunded_minor` is the payment's whole sum so far, so that news may come in any order."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    if order.paid_by_id != payment.pk or refunded_minor <= order.refunded_minor:
        return order
    order.refunded_minor = refunded_minor
    order.save(update_fields=["refunded_minor"])
    if order.state != OrderState.REFUNDED:
        publish(fact(OrderPartlyRefunded, order, refunded_minor=refunded_minor))
    return order
