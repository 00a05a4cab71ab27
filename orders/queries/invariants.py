"""What must always hold between rows. Each query finds the rows that break it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from events.queries import untried
from orders.models import PAID_STATES, Hold, HoldState, Order, OrderState, SaleStock
from payments.events import PaymentCaptured, PaymentRefunded, PaymentWonBack
from payments.models import Payment, PaymentState, Refund, RefundState

ALLOWANCES_OUT_OF_STEP = """
SELECT count(*)
FROM (
    SELECT line.sale_id, bought.buyer_id, sum(hold.quantity) AS quantity
    FROM orders_hold AS hold
    JOIN orders_orderline AS line ON line.id = hold.line_id
    JOIN orders_order AS bought ON bought.id = line.order_id
    WHERE hold.state <> 'released'
    GROUP BY line.sale_id, bought.buyer_id
) AS held
FULL JOIN orders_buyerallowance AS allowed USING (sale_id, buyer_id)
WHERE coalesce(held.quantity, 0) <> coalesce(allowed.quantity, 0)
"""


def settled_before() -> datetime:
    """What happened after this may still be on its way through the outbox."""
    return timezone.now() - timedelta(seconds=settings.RECONCILE_GRACE_SECONDS)


def buckets_against_holds() -> QuerySet[SaleStock]:
    """Buckets whose figures are not the sums of their holds."""
    sums = SaleStock.objects.annotate(
        held_units=Coalesce(Sum("holds__quantity", filter=Q(holds__state=HoldState.HELD)), 0),
        sold_units=Coalesce(Sum("holds__quantity", filter=Q(holds__state=HoldState.SOLD)), 0),
    )
    return sums.exclude(held_units=F("reserved"), sold_units=F("sold"))


def allowances_against_holds() -> int:
    """Buyers whose count for a sale is not what they hold of it or have bought."""
    with connection.cursor() as cursor:
        cursor.execute(ALLOWANCES_OUT_OF_STEP)
        (broken,) = cursor.fetchone()
    return int(broken)


def holds_against_orders() -> QuerySet[Hold]:
    """Holds that are not in the state that their order's state asks for."""
    fits = (
        Q(state=HoldState.HELD, line__order__state=OrderState.RESERVED)
        | Q(state=HoldState.SOLD, line__order__state__in=PAID_STATES)
        | Q(
            state=HoldState.RELEASED,
            line__order__state__in=[OrderState.EXPIRED, OrderState.CANCELLED, OrderState.REFUNDED],
        )
    )
    return Hold.objects.exclude(fits)


def totals_against_lines() -> QuerySet[Order]:
    """Orders whose total is not the sum of their lines."""
    return Order.objects.annotate(lines_minor=Coalesce(Sum("lines__line_total_minor"), 0)).exclude(
        lines_minor=F("total_minor")
    )


def captured_without_order() -> QuerySet[Payment]:
    """Money that we keep though no order was paid with it, and nobody has decided to: no refund was given up.

    While a payer's bank contests a payment, its money is not ours to give back. News of it may wait for a busy worker.
    """
    paid = Order.objects.filter(paid_by=OuterRef("pk"), state__in=PAID_STATES)
    given_up = Refund.objects.filter(payment=OuterRef("pk"), state=RefundState.CANCELLED)
    ours = Payment.objects.with_money_left().exclude(state=PaymentState.DISPUTED)
    kept = ours.filter(~Exists(paid), ~Exists(given_up), captured_at__lt=settled_before())
    return kept.exclude(public_id__in=untried(PaymentCaptured, PaymentWonBack, topic="orders", about="payment"))


def paid_without_capture() -> QuerySet[Order]:
    """Orders that count as paid though their money never came."""
    return Order.objects.filter(state__in=PAID_STATES, total_minor__gt=0).exclude(
        paid_by__captured_minor__gte=F("total_minor")
    )


def refunds_against_payments() -> QuerySet[Order]:
    """Orders that know of another refunded sum than their payment, and that no message tells of it."""
    fresh = Refund.objects.filter(payment=OuterRef("paid_by"), done_at__gte=settled_before())
    known = Order.objects.filter(~Exists(fresh), paid_by__isnull=False)
    differ = known.exclude(refunded_minor=F("paid_by__refunded_minor"))
    return differ.exclude(paid_by__public_id__in=untried(PaymentRefunded, topic="orders", about="payment"))


INVARIANTS: dict[str, Callable[[], int]] = {
    "orders_buckets_against_holds": lambda: buckets_against_holds().count(),
    "orders_allowances_against_holds": allowances_against_holds,
    "orders_holds_against_orders": lambda: holds_against_orders().count(),
    "orders_totals_against_lines": lambda: totals_against_lines().count(),
    "orders_captured_without_order": lambda: captured_without_order().count(),
    "orders_paid_without_capture": lambda: paid_without_capture().count(),
    "orders_refunds_against_payments": lambda: refunds_against_payments().count(),
}
