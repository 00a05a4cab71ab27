"""What orders announce, put together from their rows."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from orders.events import OrderEvent
from orders.models import Order

E = TypeVar("E", bound=OrderEvent)


def fact(kind: type[E], order: Order, **more: Any) -> E:
    """An event about an order as it is now; `more` are the kind's own fields. Reads buyer and lines."""
    lines = order.lines.all()
    return kind(
        order=order.public_id,
        number=order.number,
        buyer=order.buyer.public_id,
        merchant=only(line.sale.offer.merchant.public_id for line in lines),
        total_minor=order.total_minor,
        currency=order.currency,
        state=str(order.state),
        quantity=sum(line.quantity for line in lines),
        **more,
    )


def only(merchants: Iterable[UUID]) -> UUID | None:
    """The one merchant of all lines, if there is one."""
    known = set(merchants)
    return known.pop() if len(known) == 1 else None
