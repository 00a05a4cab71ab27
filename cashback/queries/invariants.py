"""What must find nothing: name → number of broken rows."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import connection
from django.utils import timezone

# Sums of whole tables are compared by grouping, never by joining them: after a large import the statistics are old, and
# a join of two sums becomes a loop in a loop.
BALANCES = """
SELECT count(*) FROM (
    SELECT id FROM (
        SELECT id, -balance_minor AS amount FROM cashback_account WHERE owner_id IS NOT NULL
        UNION ALL
        SELECT account.id, transfer.amount_minor
        FROM cashback_transfer transfer JOIN cashback_account account ON account.id = transfer.credit_id
        WHERE account.owner_id IS NOT NULL
        UNION ALL
        SELECT account.id, -transfer.amount_minor
        FROM cashback_transfer transfer JOIN cashback_account account ON account.id = transfer.debit_id
        WHERE account.owner_id IS NOT NULL
    ) sides GROUP BY id HAVING sum(amount) <> 0
) broken
"""

# What users have, by their own accounts, and what the platform has given, by its transfers.
LEDGER_SUM = """
SELECT count(*) FROM (
    SELECT currency FROM (
        SELECT currency, balance_minor AS amount FROM cashback_account WHERE owner_id IS NOT NULL
        UNION ALL
        SELECT account.currency, transfer.amount_minor
        FROM cashback_transfer transfer JOIN cashback_account account ON account.id = transfer.credit_id
        WHERE account.owner_id IS NULL
        UNION ALL
        SELECT account.currency, -transfer.amount_minor
        FROM cashback_transfer transfer JOIN cashback_account account ON account.id = transfer.debit_id
        WHERE account.owner_id IS NULL
    ) sides GROUP BY currency HAVING sum(amount) <> 0
) broken
"""

CURRENCIES = """
SELECT count(*) FROM cashback_transfer transfer
JOIN cashback_account debit ON debit.id = transfer.debit_id
JOIN cashback_account credit ON credit.id = transfer.credit_id
WHERE debit.currency <> credit.currency
"""

# What an event has brought into its buyer's wallet against what it is worth.
EVENTS = """
SELECT count(*) FROM (
    SELECT id FROM (
        SELECT public_id AS id, -written_off_minor - CASE
            WHEN state IN ('tracked', 'declined', 'reversed') THEN 0
            ELSE original_minor - clawed_back_minor + correction_minor END AS amount
        FROM cashback_cashbackevent
        UNION ALL
        SELECT transfer.source_id, CASE WHEN credit.owner_id IS NULL THEN -transfer.amount_minor
            WHEN debit.owner_id IS NULL THEN transfer.amount_minor ELSE 0 END
        FROM cashback_transfer transfer
        JOIN cashback_account debit ON debit.id = transfer.debit_id
        JOIN cashback_account credit ON credit.id = transfer.credit_id
        WHERE transfer.source_type = 'cashback_event'
    ) sides GROUP BY id HAVING sum(amount) <> 0
) broken
"""

# Everybody's pending account holds their unpaid events and nothing else.
PENDING = """
SELECT count(*) FROM (
    SELECT owner_id, currency FROM (
        SELECT owner_id, currency, balance_minor AS amount FROM cashback_account WHERE kind = 'pending'
        UNION ALL
        SELECT buyer_id, currency, clawed_back_minor - original_minor - correction_minor FROM cashback_cashbackevent
        WHERE state IN ('pending', 'confirmed', 'held', 'payable')
    ) sides GROUP BY owner_id, currency HAVING sum(amount) <> 0
) broken
"""

# A payout's money is where its state says: set aside once, then gone, or given back, or neither.
PAYOUTS = """
SELECT count(*) FROM (
    SELECT id FROM (
        SELECT public_id AS id, -amount_minor AS aside,
            CASE WHEN state = 'paid' THEN -amount_minor ELSE 0 END AS gone,
            CASE WHEN state IN ('rejected', 'returned') THEN -amount_minor ELSE 0 END AS back
        FROM cashback_payout
        UNION ALL
        SELECT source_id, CASE WHEN reason = 'payout' THEN amount_minor ELSE 0 END,
            CASE WHEN reason = 'settlement' THEN amount_minor ELSE 0 END,
            CASE WHEN reason = 'return' THEN amount_minor ELSE 0 END
        FROM cashback_transfer WHERE source_type = 'payout'
    ) sides GROUP BY id HAVING sum(aside) <> 0 OR sum(gone) <> 0 OR sum(back) <> 0
) broken
"""

# What lies in clearing is what open payouts have set aside.
CLEARING = """
SELECT count(*) FROM (
    SELECT currency FROM (
        SELECT account.currency, transfer.amount_minor AS amount
        FROM cashback_transfer transfer JOIN cashback_account account ON account.id = transfer.credit_id
        WHERE account.kind = 'payout_clearing'
        UNION ALL
        SELECT account.currency, -transfer.amount_minor
        FROM cashback_transfer transfer JOIN cashback_account account ON account.id = transfer.debit_id
        WHERE account.kind = 'payout_clearing'
        UNION ALL
        SELECT currency, -amount_minor FROM cashback_payout
        WHERE state IN ('requested', 'approved', 'processing', 'unknown', 'failed')
    ) sides GROUP BY currency HAVING sum(amount) <> 0
) broken
"""

# Half-up: PostgreSQL rounds numeric away from zero, and no amount here is negative.
CONVERSIONS = """
SELECT count(*) FROM cashback_conversion conversion
JOIN cashback_cashbackevent event ON event.conversion_id = conversion.id
WHERE event.state NOT IN ('declined', 'reversed') AND event.buyer_id = conversion.buyer_id AND (
    event.original_minor <> round(conversion.gross_minor::numeric * event.basis_points / 10000)
    OR event.original_minor - event.clawed_back_minor <>
        round((conversion.gross_minor - conversion.cancelled_minor)::numeric * event.basis_points / 10000)
)
"""

TOTALS = """
SELECT count(*) FROM (
    SELECT id FROM (
        SELECT id, -gross_minor AS total, -lines AS lines FROM cashback_conversion
        UNION ALL
        SELECT conversion_id, amount_minor * max(copies), max(copies) FROM (
            SELECT line.conversion_id, line.line_hash, line.amount_minor, sum(line.copies) AS copies
            FROM cashback_conversionline line JOIN cashback_importjob job ON job.id = line.job_id
            GROUP BY line.conversion_id, line.line_hash, line.amount_minor, job.series_id
        ) said GROUP BY conversion_id, line_hash, amount_minor
    ) sides GROUP BY id HAVING sum(total) <> 0 OR sum(lines) <> 0
) broken
"""

CANCELLED = """
SELECT count(*) FROM (
    SELECT id FROM (
        SELECT id, -cancelled_minor AS amount FROM cashback_conversion
        UNION ALL SELECT purchase_id, amount_minor FROM cashback_cancellationmatch
        UNION ALL SELECT cancellation_id, amount_minor FROM cashback_cancellationmatch
    ) sides GROUP BY id HAVING sum(amount) <> 0
) broken
"""

LINES = """
SELECT count(*) FROM cashback_importjob job
WHERE job.state IN ('done', 'done_with_errors') AND (
    job.lines <> (SELECT count(*) FROM cashback_importrow row WHERE row.job_id = job.id)
    OR EXISTS (SELECT 1 FROM cashback_importrow row WHERE row.job_id = job.id AND row.outcome = 'staged')
)
"""

# An undone order leaves no cashback; its handler takes a moment, and may wait for a busy worker.
UNDONE = """
SELECT count(*) FROM cashback_cashbackevent event
JOIN orders_orderline line ON line.id = event.order_line_id
JOIN orders_order parent ON parent.id = line.order_id
WHERE parent.state IN ('refunded', 'cancelled') AND event.state NOT IN ('declined', 'reversed') AND NOT EXISTS (
    SELECT 1 FROM coupon_site_statechange change
    WHERE change.object_id = parent.public_id AND change.to_state = parent.state AND change.created_at >= %(late)s
) AND NOT EXISTS (
    SELECT 1 FROM events_outboxmessage message
    WHERE message.topic = 'cashback' AND message.state IN ('pending', 'leased') AND message.attempts = 0
        AND message.event IN ('order.refunded', 'order.cancelled', 'order.charged_back')
        AND message.payload ->> 'order' = parent.public_id::text
)
"""


def count(sql: str) -> int:
    """The number that a counting statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql, {"late": timezone.now() - timedelta(seconds=settings.RECONCILE_GRACE_SECONDS)})
        row = cursor.fetchone()
    return int(row[0]) if row else 0


INVARIANTS: dict[str, Callable[[], int]] = {
    name: partial(count, sql)
    for name, sql in {
        "wallet_balances_that_differ": BALANCES,
        "ledger_sum": LEDGER_SUM,
        "transfers_across_currencies": CURRENCIES,
        "cashback_events_that_differ": EVENTS,
        "pending_accounts_that_differ": PENDING,
        "payouts_that_differ": PAYOUTS,
        "payout_clearing_that_differs": CLEARING,
        "conversions_whose_cashback_differs": CONVERSIONS,
        "conversion_totals_that_differ": TOTALS,
        "cancellations_that_differ": CANCELLED,
        "imports_with_lost_lines": LINES,
        "undone_orders_with_cashback": UNDONE,
    }.items()
}
"""Every invariant of this app: name → how many rows break it."""
