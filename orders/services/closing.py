"""Orders that end unpaid, and give back what they held."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import User
from coupon_site.models import StateChange
from coupon_site.tracing import request_id
from coupon_site.transitions import move
from events import publish, publish_many
from orders.events import OrderCancelled, OrderExpired
from orders.metrics import ORDERS
from orders.models import HoldState, Order, OrderState
from orders.services.allowances import give_back_allowances
from orders.services.facts import fact
from orders.services.stock import move_holds


@transaction.atomic
def cancel_order(*, order: Order, actor: User | None, reason: str = "") -> Order:
    """Call off an unpaid order; a payment that is under way comes back by itself. Raises IllegalTransition."""
    move(order, OrderState.CANCELLED, actor=actor, reason=reason)
    release([order.pk])
    publish(fact(OrderCancelled, order))
    transaction.on_commit(ORDERS.labels("failed").inc)
    return order


@transaction.atomic
def expire_orders(*, at: datetime, limit: int = 200) -> int:
    """Close unpaid orders whose hold has run out, the oldest first; answers how many. Those in other hands wait."""
    orders = list(
        Order.objects.unpaid_past(at)
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("buyer")
        .with_lines()[:limit]
    )
    if not orders:
        return 0
    release([order.pk for order in orders])
    expire_rows(orders)
    publish_many([fact(OrderExpired, order) for order in orders])
    transaction.on_commit(lambda: ORDERS.labels("failed").inc(len(orders)))
    return len(orders)


def release(order_ids: Sequence[int]) -> None:
    """Stock and allowances of unpaid orders are free again."""
    move_holds(order_ids, source=HoldState.HELD, target=HoldState.RELEASED)
    give_back_allowances(order_ids)


def expire_rows(orders: Sequence[Order]) -> None:
    """The same as moving them one by one, in two statements; their locks are held."""
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(state=OrderState.EXPIRED)
    for order in orders:
        order.state = OrderState.EXPIRED
    StateChange.objects.bulk_create(
        StateChange(
            model=Order._meta.label_lower,
            object_id=order.public_id,
            from_state=OrderState.RESERVED,
            to_state=OrderState.EXPIRED,
            reason="the hold ran out",
            request_id=request_id.get(),
        )
        for order in orders
    )
