"""What must always hold between rows."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from events.queries import untried
from orders.events import OrderPaid
from orders.models import Order, OrderState

# The sweeps of gifts come by that often at least.
SWEPT = timedelta(minutes=1)


def count(sql: str, **values: datetime) -> int:
    """The number of rows that a counting statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def sold_lines_with_wrong_vouchers() -> int:
    """Lines of fulfilled orders that have not exactly one voucher per unit."""
    return count(
        """
        SELECT count(*) FROM (
            SELECT line.id FROM orders_orderline line
            JOIN orders_order parent ON parent.id = line.order_id
            LEFT JOIN vouchers_voucher voucher ON voucher.line_id = line.id
            WHERE parent.state = 'fulfilled'
            GROUP BY line.id
            HAVING count(voucher.id) <> line.quantity OR max(voucher.unit_no) >= line.quantity
        ) broken
        """
    )


def paid_orders_without_vouchers() -> int:
    """Paid orders without vouchers after the grace period, unless their message still waits for a busy worker."""
    late = timezone.now() - timedelta(seconds=settings.RECONCILE_GRACE_SECONDS)
    paid = Order.objects.filter(state=OrderState.PAID, paid_at__lt=late)
    return paid.exclude(public_id__in=untried(OrderPaid, topic="vouchers", about="order")).count()


def uses_that_differ() -> int:
    """Vouchers whose counter is not the number of uses that were not taken back."""
    return count(
        """
        SELECT count(*) FROM (
            SELECT id FROM (
                SELECT id, -uses_done AS uses FROM vouchers_voucher
                UNION ALL
                SELECT voucher_id, CASE WHEN voids_id IS NULL THEN 1 ELSE -1 END FROM vouchers_redemption
            ) sides GROUP BY id HAVING sum(uses) <> 0
        ) broken
        """
    )


def redeemed_with_uses_left() -> int:
    """Vouchers called redeemed that aren't used up, or used up ones that a till would take."""
    return count(
        """
        SELECT count(*) FROM vouchers_voucher
        WHERE (state = 'redeemed' AND uses_done < uses_total) OR (state = 'active' AND uses_done = uses_total)
        """
    )


def vouchers_of_refunded_orders() -> int:
    """Vouchers that can still be used although their order was refunded."""
    return count(
        """
        SELECT count(*) FROM vouchers_voucher voucher
        JOIN orders_orderline line ON line.id = voucher.line_id
        JOIN orders_order parent ON parent.id = line.order_id
        WHERE voucher.state = 'active' AND parent.state = 'refunded'
        """
    )


def locks_without_gift() -> int:
    """Locked vouchers without an open gift of their owner, and open gifts whose voucher is not locked."""
    return count(
        """
        SELECT count(*) FROM (SELECT * FROM vouchers_voucher WHERE state = 'gift_locked') voucher
        FULL JOIN (SELECT * FROM vouchers_gift WHERE state IN ('draft', 'scheduled', 'sent')) gift
            ON gift.voucher_id = voucher.id AND gift.giver_id = voucher.owner_id
        WHERE voucher.id IS NULL OR gift.id IS NULL
        """
    )


def claims_without_owner() -> int:
    """Vouchers that are not owned by whoever opened their last gift."""
    return count(
        """
        SELECT count(*) FROM vouchers_voucher voucher
        JOIN (
            SELECT DISTINCT ON (voucher_id) voucher_id, claimed_by_id FROM vouchers_gift
            WHERE state = 'claimed' ORDER BY voucher_id, claimed_at DESC, id DESC
        ) claim ON claim.voucher_id = voucher.id
        WHERE voucher.owner_id IS DISTINCT FROM claim.claimed_by_id
        """
    )


def overdue_gifts() -> int:
    """Gifts that should have been sent or ended by now."""
    return count(
        """
        SELECT count(*) FROM vouchers_gift
        WHERE (state IN ('scheduled', 'sent') AND expires_at < %(late)s)
            OR (state = 'scheduled' AND mail_queued_at IS NULL AND deliver_at < %(late)s)
        """,
        late=timezone.now() - SWEPT - timedelta(seconds=settings.RECONCILE_GRACE_SECONDS),
    )


INVARIANTS: dict[str, Callable[[], int]] = {
    "sold_lines_with_wrong_vouchers": sold_lines_with_wrong_vouchers,
    "paid_orders_without_vouchers": paid_orders_without_vouchers,
    "voucher_uses_that_differ": uses_that_differ,
    "vouchers_redeemed_with_uses_left": redeemed_with_uses_left,
    "vouchers_of_refunded_orders": vouchers_of_refunded_orders,
    "voucher_locks_without_gift": locks_without_gift,
    "gift_claims_without_owner": claims_without_owner,
    "gifts_overdue": overdue_gifts,
}
"""What must find nothing: name → number of broken rows."""
