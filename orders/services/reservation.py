"""Taking stock for buyers: many requests at a time, in a number of statements that does not grow with them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from coupon_site.errors import DomainError
from events import publish_many
from orders.errors import SaleBusy, SaleClosed, SoldOut
from orders.events import OrderReserved
from orders.gate import gate
from orders.metrics import ORDERS_CREATED, ORDERS_REFUSED
from orders.models import FlashSale, Hold, Order, OrderLine
from orders.numbers import new_number
from orders.services import stock
from orders.services.allowances import take_allowances
from orders.services.facts import only
from orders.services.plan import Plan, PlannedLine, PlannedOrder, ReserveRequest

ATTEMPTS: Final = 3


def place_order(*, request: ReserveRequest, at: datetime) -> Order:
    """Reserve one order. Raises SaleUnknown, SaleClosed, LimitReached, SoldOut, MixedCurrencies, SaleBusy."""
    wanted = request.units()
    if refusal := gate().enter(wanted, at=at):
        error = SaleClosed(sale=refusal.sale) if refusal.is_closed else SoldOut(sale=refusal.sale)
        ORDERS_REFUSED.labels(error.code).inc()
        raise error
    try:
        outcome = reserve(requests=[request], at=at)[0]
    except BaseException:
        gate().leave(wanted)
        raise
    if isinstance(outcome, DomainError):
        gate().leave(wanted)
        raise outcome
    return outcome


def reserve(*, requests: Sequence[ReserveRequest], at: datetime) -> list[Order | DomainError]:
    """Hold stock for as many requests as there is stock for, in their order; an answer for each, an order or a refusal.

    One transaction, the same number of statements for one request as for many.
    """
    for _ in range(ATTEMPTS):
        try:
            answers = attempt(requests, at)
        except stock.StockChanged:
            continue
        break
    else:
        answers = [SaleBusy() for _ in requests]
    for answer in answers:
        if isinstance(answer, DomainError):
            ORDERS_REFUSED.labels(answer.code).inc()
    return answers


@transaction.atomic
def attempt(requests: Sequence[ReserveRequest], at: datetime) -> list[Order | DomainError]:
    """Read, decide, take, write. Raises StockChanged when what was read was no longer true when it was taken."""
    plan = Plan(requests=requests, sales=terms_of(requests), at=at)
    stock.take_stock(plan.sale_ids, plan.decide)
    take_allowances(plan.demand, plan.limits)
    orders = write_orders(plan.granted, at=at)
    transaction.on_commit(lambda: ORDERS_CREATED.inc(len(orders)))
    answers: dict[int, Order | DomainError] = {
        **plan.refused,
        **{planned.place: order for planned, order in zip(plan.granted, orders, strict=True)},
    }
    return [answers[place] for place in range(len(requests))]


def terms_of(requests: Sequence[ReserveRequest]) -> dict[UUID, FlashSale]:
    """The sales that are asked for, with what decides on them."""
    wanted = {line.sale for request in requests for line in request.lines}
    sales = FlashSale.objects.select_related("offer__merchant").filter(public_id__in=wanted)
    return {sale.public_id: sale for sale in sales}


def write_orders(granted: Sequence[PlannedOrder], *, at: datetime) -> list[Order]:
    """Orders, lines, holds and events of all granted requests: one INSERT per table."""
    if not granted:
        return []
    expires_at = at + timedelta(seconds=settings.ORDER_HOLD_SECONDS)
    orders = Order.objects.bulk_create(order_of(planned, at=at, expires_at=expires_at) for planned in granted)
    pairs = [(order, line) for order, planned in zip(orders, granted, strict=True) for line in planned.lines]
    lines = OrderLine.objects.bulk_create(line_of(order, line) for order, line in pairs)
    Hold.objects.bulk_create(
        Hold(line=row, stock_id=line.bucket_id, quantity=line.quantity)
        for row, (_, line) in zip(lines, pairs, strict=True)
    )
    publish_many([reserved(order, planned) for order, planned in zip(orders, granted, strict=True)])
    return orders


def order_of(planned: PlannedOrder, *, at: datetime, expires_at: datetime) -> Order:
    return Order(
        number=new_number(),
        buyer=planned.request.buyer,
        currency=planned.lines[0].sale.offer.currency,
        total_minor=sum(line.quantity * line.sale.price_minor for line in planned.lines),
        payment_method=planned.request.payment_method,
        expires_at=expires_at,
        created_at=at,
    )


def line_of(order: Order, line: PlannedLine) -> OrderLine:
    return OrderLine(
        order=order,
        sale=line.sale,
        title=line.sale.title,
        quantity=line.quantity,
        unit_minor=line.sale.price_minor,
        line_total_minor=line.quantity * line.sale.price_minor,
    )


def reserved(order: Order, planned: PlannedOrder) -> OrderReserved:
    """The event of a new order, from what is in memory anyway."""
    return OrderReserved(
        order=order.public_id,
        number=order.number,
        buyer=planned.request.buyer.public_id,
        merchant=only(line.sale.offer.merchant.public_id for line in planned.lines),
        total_minor=order.total_minor,
        currency=order.currency,
        state=str(order.state),
        quantity=sum(line.quantity for line in planned.lines),
    )
