"""Cashback on our own orders."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cashback.models import SHOP, CashbackEvent, CashbackEventQuerySet, CashbackState
from cashback.queries import Rate, Rates
from cashback.services.adjustments import Target, adjust_events, undo_events
from cashback.services.approvals import open_events
from coupon_site.deadlocks import retried
from coupon_site.money import share_of
from orders.models import Order, OrderLine, OrderState


@retried
def track_order(*, order: UUID, at: datetime) -> list[CashbackEvent]:
    """One cashback event per line of a paid order whose offer gives some; again changes nothing.

    `order` is its public id; one that was refunded meanwhile gets none. Approval is the sweep's: hundreds at once cost
    little more than one.
    """
    row = Order.objects.select_for_update(no_key=True, of=("self",)).select_related("buyer").get(public_id=order)
    if row.state not in (OrderState.PAID, OrderState.FULFILLED):
        return []
    lines = list(row.lines.select_related("sale__offer"))
    rates = Rates.of_shop(line.sale.offer for line in lines)
    rated = [(line, rates.for_offer(line.sale.offer, at=row.created_at)) for line in lines]
    drafts = [draft(row, line, rate, at=at) for line, rate in rated if rate.basis_points]
    CashbackEvent.objects.bulk_create(drafts, ignore_conflicts=True)
    events = open_events(events=list(events_of(row).filter(state=CashbackState.TRACKED)))
    if row.refunded_minor:
        follow_refund(order=row)
    return events


def draft(order: Order, line: OrderLine, rate: Rate, *, at: datetime) -> CashbackEvent:
    """An unsaved event: the share of what the line cost, rounded once."""
    return CashbackEvent(
        buyer=order.buyer,
        order_line=line,
        network=SHOP,
        basis_points=rate.basis_points,
        rule=rate.rule,
        currency=order.currency,
        original_minor=share_of(line.line_total_minor, basis_points=rate.basis_points),
        hold_until=at + rate.hold,
        created_at=at,
    )


def events_of(order: Order) -> CashbackEventQuerySet:
    return CashbackEvent.objects.filter(order_line__order=order)


@retried
def follow_refund(*, order: Order) -> list[CashbackEvent]:
    """A part of the money went back: cashback remains on what was kept."""
    lines = list(order.lines.all())
    refunded = dict(zip((line.pk for line in lines), spread(order.refunded_minor, lines), strict=True))
    events = list(events_of(order).select_related("order_line"))
    return adjust_events(
        targets=[target_of(event, refunded) for event in events], reason="a part of the order was refunded"
    )


def target_of(event: CashbackEvent, refunded: dict[int, int]) -> Target:
    line = event.order_line
    assert line is not None  # noqa: S101  events_of() joins over it
    kept = share_of(line.line_total_minor - refunded[line.pk], basis_points=event.basis_points)
    return Target(event, event.original_minor, event.original_minor - kept)


def spread(amount_minor: int, lines: Sequence[OrderLine]) -> list[int]:
    """An amount over lines by what they cost, none getting more than that; what rounding leaves goes to the largest."""
    costs = [line.line_total_minor for line in lines]
    left = min(amount_minor, sum(costs))
    shares = [left * cost // sum(costs) if cost else 0 for cost in costs]
    left -= sum(shares)
    for index in sorted(range(len(lines)), key=lambda index: -costs[index]):
        more = min(left, costs[index] - shares[index])
        shares[index] += more
        left -= more
    return shares


@retried
def undo_order(*, order: Order, reason: str) -> list[CashbackEvent]:
    """Nothing of the order remains, nor of its cashback."""
    return undo_events(events=list(events_of(order)), reason=reason)
