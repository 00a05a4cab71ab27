"""The newest orders and cashback, as rows of the live feed. The browser makes the same rows out of events."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from django.db.models import Sum

from cashback.models import CashbackEvent
from coupon_site.money import format_money
from events.events import as_json
from orders.models import Order, OrderLine, OrderState

LENGTH = 30


class Row(TypedDict):
    """A line of the feed. `key` finds it again when its order moves on, `search` finds it in the admin."""

    kind: str
    key: str
    title: str
    search: str
    about: str
    state: str
    states: str
    label: str
    minor: int
    currency: str
    amount: str
    at: str
    clock: str


def newest(*, orders: bool, cashback: bool) -> list[Row]:
    """The latest of both, newest first."""
    rows = [*(newest_orders() if orders else []), *(newest_cashback() if cashback else [])]
    return sorted(rows, key=lambda row: row["at"], reverse=True)[:LENGTH]


def newest_orders() -> list[Row]:
    """The latest orders, at the moment of their last known move."""
    latest = list(Order.objects.order_by("-id")[:LENGTH])
    units = units_of(latest)
    return [
        Row(
            kind="order",
            key=order.number,
            title=order.number,
            search=order.number,
            about=f"{units[order.pk]} voucher{'' if units[order.pk] == 1 else 's'}",
            state=order.state,
            states=way_of(order),
            label=order.get_state_display(),
            minor=order.total_minor,
            currency=order.currency,
            amount=format_money(order.total_minor, order.currency),
            **times_of(moved_at(order)),
        )
        for order in latest
    ]


def units_of(orders: Iterable[Order]) -> dict[int, int]:
    """How many units each order is over."""
    lines = OrderLine.objects.filter(order__in=orders).values_list("order")
    return dict(lines.annotate(units=Sum("quantity")))


def way_of(order: Order) -> str:
    """The states that an order is known to have been in."""
    way = [
        OrderState.RESERVED,
        order.paid_at and OrderState.PAID,
        order.fulfilled_at and OrderState.FULFILLED,
        order.state,
    ]
    return " ".join(dict.fromkeys(str(state) for state in way if state))


def moved_at(order: Order) -> datetime:
    """When an order came into its state, as far as its own row tells."""
    if order.state == OrderState.EXPIRED:
        return order.expires_at
    return order.fulfilled_at or order.paid_at or order.created_at


def newest_cashback() -> list[Row]:
    """The latest cashback, at the moment of its last known move."""
    latest = CashbackEvent.objects.select_related("order_line__order").order_by("-id")[:LENGTH]
    return [
        Row(
            kind="cashback",
            key=str(event.public_id),
            title="Cashback",
            search=str(event.public_id),
            about=f"for {event.order_line.order.number}" if event.order_line else f"from {event.network}",
            state=event.state,
            states=event.state,
            label=event.get_state_display(),
            minor=event.amount_minor,
            currency=event.currency,
            amount=format_money(event.amount_minor, event.currency),
            **times_of(event.paid_at or event.confirmed_at or event.created_at),
        )
        for event in latest
    ]


class Times(TypedDict):
    """A moment for programs, and for people."""

    at: str
    clock: str


def times_of(moment: datetime) -> Times:
    return {"at": str(as_json(moment)), "clock": f"{moment:%H:%M:%S}"}
