"""Money that comes when the hold has run out."""

import logging
from collections import Counter

from django.db import transaction

from coupon_site.transitions import move
from events import publish
from orders.errors import SoldOut
from orders.events import OrderRefunded
from orders.models import PAID_STATES, Hold, HoldState, Order, OrderLine, OrderState
from orders.services.allowances import Pair, take_allowances
from orders.services.facts import fact
from orders.services.stock import StockBook, StockChanged, take_stock
from payments.errors import PaymentContested
from payments.models import Payment
from payments.services import request_refund

logger = logging.getLogger(__name__)


def hold_again(order: Order) -> bool:
    """Hold stock again for an order whose hold ran out; False when it is gone, or the buyer took their share since."""
    try:
        with transaction.atomic():
            take_lines(order, list(order.lines.select_related("sale")))
    except (SoldOut, StockChanged):
        return False
    return True


def take_lines(order: Order, lines: list[OrderLine]) -> None:
    """Stock and allowance for all lines. Raises SoldOut, StockChanged."""
    buckets: dict[int, int] = {}

    def decide(book: StockBook) -> None:
        for line in lines:
            bucket_id = book.take(line.sale_id, line.quantity)
            if bucket_id is None:
                raise SoldOut(sale=line.sale.public_id)
            buckets[line.pk] = bucket_id

    take_stock({line.sale_id for line in lines}, decide)
    demand: Counter[Pair] = Counter()
    for line in lines:
        demand[line.sale_id, order.buyer_id] += line.quantity
    take_allowances(demand, {line.sale_id: line.sale.per_buyer_limit for line in lines})
    for line_id, bucket_id in buckets.items():
        Hold.objects.filter(line=line_id).update(stock=bucket_id, state=HoldState.HELD)


def refund_late(order: Order, payment: Payment | None) -> None:
    """Nothing is left to sell for the money: it goes back by itself."""
    move(order, OrderState.REFUNDED, reason="late payment, sold out meanwhile", paid_by=payment)
    if payment is not None:
        give_back(payment, reason=f"order {order.number} was paid late and is sold out", key="late")
    publish(fact(OrderRefunded, order))


@transaction.atomic
def give_back_won(*, order: Order, payment: Payment) -> None:
    """A payment that was contested is ours after all: it pays for its order, or goes back where the order is undone."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    if order.paid_by_id != payment.pk or order.state not in PAID_STATES:
        give_back(payment, reason=f"order {order.number} is {order.state}", key="won")


def give_back(payment: Payment, *, reason: str, key: str) -> None:
    """All that is left, once for each reason; while the payer's bank asks for it itself, it is left to the bank."""
    if not payment.refundable_minor:
        return
    try:
        request_refund(
            payment=payment, amount_minor=payment.refundable_minor, reason=reason, key=f"{key}:{payment.public_id}"
        )
    except PaymentContested:
        logger.warning("payment %s is contested and not given back: %s", payment.public_id, reason)
