"""The newest orders and cashback, as rows of the live feed. The browser makes the same rows out of events."""

from datetime import datetime
from typing import TypedDict

from django.db.models import Sum

from cashback.models import CashbackEvent
from coupon_site.money import format_money
from events.events import as_json
from orders.models import Order, OrderState

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
    latest = Order.objects.annotate(units=Sum("lines__quantity")).order_by("-id")[:LENGTH]
    return [
        row_of(
            kind="order",
            key=order.number,
            title=order.number,
            search=order.number,
            about=f"{order.units} voucher{'' if order.units == 1 else 's'}",
            state=order.state,
            states=way_of(order),
            label=order.get_state_display(),
            minor=order.total_minor,
            currency=order.currency,
            at=moved_at(order),
        )
        for order in latest
    ]


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
        row_of(
            kind="cashback",
            key=str(event.public_id),
            title="Cashback",
            search=str(event.public_id),
            about=f"for {event.order_line.order.number}" if event.order_line else event.network,
            state=event.state,
            states=event.state,
            label=event.get_state_display(),
            minor=event.amount_minor,
            currency=event.currency,
            at=event.paid_at or event.confirmed_at or event.created_at,
        )
        for event in latest
    ]


def row_of(*, minor: int, currency: str, at: datetime, **fields: str) -> Row:
    """A row, with its money and time as people read them."""
    return Row(  # type: ignore[typeddict-item]  # the rest of the fields
        **fields,
        minor=minor,
        currency=currency,
        amount=format_money(minor, currency),
        at=str(as_json(at)),
        clock=f"{at:%H:%M:%S}",
    )
