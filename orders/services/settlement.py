"""Money came in, vouchers went out."""

import logging
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from coupon_site.tracing import request_id
from coupon_site.transitions import move
from events import publish
from orders.events import OrderFulfilled, OrderPaid
from orders.metrics import ORDERS, PROCESSING_SECONDS
from orders.models import HoldState, Order, OrderState
from orders.services.facts import fact
from orders.services.late import give_back, hold_again, refund_late
from orders.services.stock import move_holds
from payments.models import Payment

logger = logging.getLogger(__name__)


@transaction.atomic
def confirm_order(*, order: Order, captured_minor: int, payment: Payment | None = None) -> Order:
    """The money for an order is here: sell what it holds. May be told twice.

    Money that is late takes stock again where there is some; money that nothing can be sold for goes back.
    """
    order = locked(order)
    if payment is not None and order.paid_by_id == payment.pk:
        return order
    if order.state not in (OrderState.RESERVED, OrderState.EXPIRED) or captured_minor != order.total_minor:
        return_unwanted(order, payment)
    elif order.state == OrderState.RESERVED or hold_again(order):
        sell(order, payment)
    else:
        refund_late(order, payment)
    return order


def locked(order: Order) -> Order:
    """As it is now, and nobody else's until this transaction ends, with all that is told of it."""
    rows = Order.objects.select_for_update(no_key=True, of=("self",)).select_related("buyer").with_lines()
    return rows.get(pk=order.pk)


def sell(order: Order, payment: Payment | None) -> None:
    """Held units are sold, the order is paid."""
    reason = "late payment, stock taken again" if order.state == OrderState.EXPIRED else ""
    move_holds([order.pk], source=HoldState.HELD, target=HoldState.SOLD)
    move(order, OrderState.PAID, reason=reason, paid_by=payment, paid_at=timezone.now())
    publish(fact(OrderPaid, order))
    transaction.on_commit(ORDERS.labels("success").inc)


def return_unwanted(order: Order, payment: Payment | None) -> None:
    """The order is called off, paid otherwise, or costs something else: the money goes back, the order stays."""
    if payment is None:
        return
    logger.warning("payment %s does not fit order %s, which is %s", payment.public_id, order.number, order.state)
    give_back(payment, reason=f"order {order.number} is {order.state} and takes no such payment", key="unwanted")


@transaction.atomic
def mark_fulfilled(*, order: Order) -> Order:
    """Every unit has its voucher. May be told twice. Raises IllegalTransition unless the order is paid."""
    order = locked(order)
    if order.state == OrderState.FULFILLED:
        return order
    at = timezone.now()
    move(order, OrderState.FULFILLED, fulfilled_at=at)
    publish(fact(OrderFulfilled, order))
    transaction.on_commit(partial(observe, order, at, request_id.get()))
    return order


def observe(order: Order, at: datetime, trace: str) -> None:
    """How long the order took, with the request that led here as an example."""
    PROCESSING_SECONDS.observe((at - order.created_at).total_seconds(), {"request_id": trace} if trace else None)
