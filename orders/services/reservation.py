"""Taking stock for buyers: many requests at a time, in a number of statements that does not grow with them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import OperationalError, transaction

from coupon_site.deadlocks import is_deadlock
from coupon_site.errors import DomainError
from orders.errors import SaleBusy, SaleClosed, SoldOut
from orders.gate import gate
from orders.metrics import ORDERS_CREATED, ORDERS_REFUSED
from orders.models import Order
from orders.services import stock
from orders.services.allowances import take_allowances
from orders.services.fresh import NewOrder
from orders.services.plan import Plan, ReserveRequest
from orders.services.terms import terms_of
from orders.services.writing import write_orders

ATTEMPTS: Final = 3


def place_order(*, request: ReserveRequest, at: datetime) -> Order:
    """Reserve one order. Raises SaleUnknown, SaleClosed, LimitReached, SoldOut, MixedCurrencies, SaleBusy."""
    [outcome] = place_orders(requests=[request], at=at)
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome.as_order()


def place_orders(*, requests: Sequence[ReserveRequest], at: datetime) -> list[NewOrder | DomainError]:
    """Reserve what the gate lets through; an answer for each, in their order."""
    wishes = [request.units() for request in requests]
    refusals = gate().enter(wishes, at=at)
    admitted = [place for place, refusal in enumerate(refusals) if refusal is None]
    unused = sum_of(wishes[place] for place in admitted)
    try:
        outcomes = book([requests[place] for place in admitted], at=at)
        unused = sum_of(
            wishes[place] for place, outcome in zip(admitted, outcomes, strict=True) if isinstance(outcome, DomainError)
        )
    finally:
        gate().leave(unused)
    answers: dict[int, NewOrder | DomainError] = dict(zip(admitted, outcomes, strict=True))
    for place, refusal in enumerate(refusals):
        if refusal:
            error = SaleClosed(sale=refusal.sale) if refusal.is_closed else SoldOut(sale=refusal.sale)
            ORDERS_REFUSED.labels(error.code).inc()
            answers[place] = error
    return [answers[place] for place in range(len(requests))]


def sum_of(wishes: Iterable[Counter[UUID]]) -> Counter[UUID]:
    """Units by sale, of all of them."""
    units: Counter[UUID] = Counter()
    for wanted in wishes:
        units.update(wanted)
    return units


def reserve(*, requests: Sequence[ReserveRequest], at: datetime) -> list[Order | DomainError]:
    """Hold stock for as many requests as there is stock for, in their order; an answer for each, an order or a refusal.

    Nobody is asked at the gate.
    """
    return [outcome if isinstance(outcome, DomainError) else outcome.as_order() for outcome in book(requests, at=at)]


def book(requests: Sequence[ReserveRequest], *, at: datetime) -> list[NewOrder | DomainError]:
    """Reserve, without making models of what was written.

    One transaction, the same number of statements for one request as for many. It locks sales in the order of their
    ids, but a worker that settles many orders in one transaction cannot: whoever loses to it tries again.
    """
    if not requests:
        return []
    for turn in range(ATTEMPTS):
        try:
            answers = attempt(requests, at, first=turn == 0)
        except stock.StockChanged:
            continue
        except OperationalError as error:
            if not is_deadlock(error):
                raise
            continue
        break
    else:
        answers = [SaleBusy() for _ in requests]
    for code, count in Counter(answer.code for answer in answers if isinstance(answer, DomainError)).items():
        ORDERS_REFUSED.labels(code).inc(count)
    return answers


@transaction.atomic
def attempt(requests: Sequence[ReserveRequest], at: datetime, *, first: bool) -> list[NewOrder | DomainError]:
    """Read, decide, take, write. Raises StockChanged when what was read was no longer true when it was taken.

    Where every sale has several buckets, the `first` attempt looks at one of each.
    """
    sales = terms_of(line.sale for request in requests for line in request.lines)
    plan = Plan(requests=requests, sales=sales, at=at)
    stock.take_stock(plan.sale_ids, plan.decide, spread=first and plan.is_spread)
    take_allowances(plan.demand, plan.limits)
    orders = write_orders(plan.granted, at=at)
    transaction.on_commit(lambda: ORDERS_CREATED.inc(len(orders)))
    answers: dict[int, NewOrder | DomainError] = {
        **plan.refused,
        **{planned.place: order for planned, order in zip(plan.granted, orders, strict=True)},
    }
    return [answers[place] for place in range(len(requests))]
