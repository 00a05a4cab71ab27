"""Reactions to orders, and what the clock asks of cashback."""

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone

from cashback import services
from cashback.services import imports
from cashback.switches import AUTO_APPROVE
from events import handles, sweep
from flags import is_enabled
from orders.events import OrderCancelled, OrderChargedBack, OrderPaid, OrderPartlyRefunded, OrderRefunded
from orders.models import Order

if TYPE_CHECKING:
    from events.models import OutboxMessage

BATCH = 500
TURNS = 20


@handles(OrderPaid)
def track_order(message: "OutboxMessage") -> None:
    """A paid order opens its cashback."""
    services.track_order(order=UUID(message.payload["order"]), at=timezone.now())


@handles(OrderPartlyRefunded)
def follow_refund(message: "OutboxMessage") -> None:
    """Cashback remains on what was kept."""
    services.follow_refund(order=Order.objects.get(public_id=message.payload["order"]))


@handles(OrderRefunded, OrderCancelled)
def undo_order(message: "OutboxMessage") -> None:
    """No purchase, no cashback."""
    order = Order.objects.get(public_id=message.payload["order"])
    services.undo_order(order=order, reason=f"the order was {order.get_state_display().lower()}")


@handles(OrderChargedBack)
def undo_charged_back(message: "OutboxMessage") -> None:
    """No money, no cashback."""
    order = Order.objects.get(public_id=message.payload["order"])
    services.undo_order(order=order, reason="the payment was charged back")


@sweep(every=timedelta(seconds=5))
def settle_cashback() -> int:
    """Approve what waits, when nobody needs to look at it, and pay what has waited long enough."""
    settled = 0
    for _ in range(TURNS):
        now = timezone.now()
        approved = services.approve_waiting(at=now, limit=BATCH) if is_enabled(AUTO_APPROVE) else 0
        done = approved + services.release_due(at=now, limit=BATCH)
        settled += done
        if done < BATCH:
            break
    return settled


@sweep(every=timedelta(seconds=10))
def poll_payouts() -> int:
    """Ask the bank for payouts of which nobody knows whether they were paid."""
    return services.poll_payouts(at=timezone.now())


@sweep(every=timedelta(minutes=1))
def fail_stalled_imports() -> int:
    """No import seems to run when its process is gone."""
    return imports.fail_stalled(at=timezone.now())
