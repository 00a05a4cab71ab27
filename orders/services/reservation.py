"""Taking stock for buyers: many requests at a time, in a number of statements that does not grow with them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from django.db import OperationalError, transaction

from coupon_site.database.prepared import pipelined
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

Outcomes = list[NewOrder | DomainError]
Also = Callable[[Sequence[ReserveRequest], Outcomes], object]
T = TypeVar("T")


def place_order(*, request: ReserveRequest, at: datetime) -> Order:
    """Reserve one order. Raises SaleUnknown, SaleClosed, LimitReached, SoldOut, MixedCurrencies, SaleBusy."""
    [outcome] = place_orders(requests=[request], at=at)
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome.as_order()


def place_orders(*, requests: Sequence[ReserveRequest], at: datetime) -> Outcomes:
    """Reserve what the gate lets through; an answer for each, in their order."""
    return counted(gated(requests, at, partial(book, at=at)))


def place_in_turn(*, requests: Sequence[ReserveRequest], at: datetime, first: bool, also: Also) -> Outcomes:
    """The same as one of the `turns` of a transaction that does more; `counted` once it has come to an end.

    What `also` writes about requests that the gate lets through, and their outcomes, is sent along.
    """
    return gated(requests, at, partial(attempt, at=at, first=first, also=also))


def gated(
    requests: Sequence[ReserveRequest],
    at: datetime,
    reserving: Callable[[Sequence[ReserveRequest]], Outcomes],
) -> Outcomes:
    """Have what the gate lets through reserved, and give it back what led to nothing."""
    wishes = [request.units for request in requests]
    refusals = gate().enter(wishes, at=at)
    admitted = [place for place, refusal in enumerate(refusals) if refusal is None]
    unused = sum_of(wishes[place] for place in admitted)
    try:
        outcomes = reserving([requests[place] for place in admitted])
        unused = sum_of(
            wishes[place] for place, outcome in zip(admitted, outcomes, strict=True) if isinstance(outcome, DomainError)
        )
    finally:
        gate().leave(unused)
    answers: dict[int, NewOrder | DomainError] = dict(zip(admitted, outcomes, strict=True))
    for place, refusal in enumerate(refusals):
        if refusal:
            answers[place] = SaleClosed(sale=refusal.sale) if refusal.is_closed else SoldOut(sale=refusal.sale)
    return [answers[place] for place in range(len(requests))]


def sum_of(wishes: Iterable[Mapping[UUID, int]]) -> Counter[UUID]:
    """Units by sale, of all of them."""
    units: Counter[UUID] = Counter()
    for wanted in wishes:
        units.update(wanted)
    return units


def reserve(*, requests: Sequence[ReserveRequest], at: datetime) -> list[Order | DomainError]:
    """Hold stock for as many requests as there is stock for, in their order; an answer for each, an order or a refusal.

    Nobody is asked at the gate.
    """
    outcomes = counted(book(requests, at=at))
    return [outcome if isinstance(outcome, DomainError) else outcome.as_order() for outcome in outcomes]


def book(requests: Sequence[ReserveRequest], *, at: datetime) -> Outcomes:
    """Reserve in a transaction of its own, without making models of what was written."""
    if not requests:
        return []
    answers = turns(lambda first: attempt(requests, at=at, first=first))
    return [SaleBusy() for _ in requests] if answers is None else answers


def turns(work: Callable[[bool], T]) -> T | None:
    """Do `work`, which is told whether it is the first turn, in a transaction; None: again and again in vain.

    It locks sales in the order of their ids, but a worker that settles many orders in one transaction cannot: whoever
    loses to it tries again, as does whoever finds that stock was not as it was read.
    """
    for turn in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return work(turn == 0)
        except stock.StockChanged:
            continue
        except OperationalError as error:
            if not is_deadlock(error):
                raise
    return None


def attempt(requests: Sequence[ReserveRequest], *, at: datetime, first: bool, also: Also | None = None) -> Outcomes:
    """Read, decide, take, write. Raises StockChanged when what was read was no longer true when it was taken.

    The same number of statements for one request as for many. The `first` attempt takes a single bucket as it was read
    with the terms; where every sale has several, it looks at one of each.
    """
    if not requests:
        return []
    terms = terms_of(
        (line.sale for request in requests for line in request.lines), (request.buyer.id for request in requests)
    )
    is_single = first and len(terms.buckets) == 1
    plan = Plan(requests=requests, sales=terms.sales, at=at, taken=terms.taken if is_single else None)
    with pipelined():
        stock.take_stock(
            plan.sale_ids,
            plan.decide,
            spread=first and plan.is_spread,
            seen=terms.buckets if is_single else None,
        )
        take_allowances(plan.demand, plan.limits)
        orders = write_orders(plan.granted, at=at)
        answers: dict[int, NewOrder | DomainError] = {
            **plan.refused,
            **{planned.place: order for planned, order in zip(plan.granted, orders, strict=True)},
        }
        outcomes = [answers[place] for place in range(len(requests))]
        if also:
            also(requests, outcomes)
    transaction.on_commit(lambda: ORDERS_CREATED.inc(len(orders)))
    return outcomes


def counted(outcomes: Outcomes) -> Outcomes:
    """The same, refusals among them counted by reason."""
    for code, count in Counter(each.code for each in outcomes if isinstance(each, DomainError)).items():
        ORDERS_REFUSED.labels(code).inc(count)
    return outcomes
