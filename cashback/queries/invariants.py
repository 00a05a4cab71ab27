"""What must find nothing: name → number of broken rows."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import connection
from django.utils import timezone

BALANCES = """
SELECT count(*) FROM cashback_account account
LEFT JOIN (
    SELECT account_id, sum(amount) AS total FROM (
        SELECT credit_id AS account_id, amount_minor AS amount FROM cashback_transfer
        UNION ALL SELECT debit_id, -amount_minor FROM cashback_transfer
    ) sides GROUP BY account_id
) booked ON booked.account_id = account.id
WHERE account.owner_id IS NOT NULL AND account.balance_minor <> coalesce(booked.total, 0)
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
SELECT count(*) FROM cashback_cashbackevent event
LEFT JOIN (
    SELECT transfer.source_id, sum(CASE WHEN credit.owner_id IS NULL THEN -transfer.amount_minor
        WHEN debit.owner_id IS NULL THEN transfer.amount_minor ELSE 0 END) AS total
    FROM cashback_transfer transfer
    JOIN cashback_account debit ON debit.id = transfer.debit_id
    JOIN cashback_account credit ON credit.id = transfer.credit_id
    WHERE transfer.source_type = 'cashback_event' GROUP BY transfer.source_id
) booked ON booked.source_id = event.public_id
WHERE coalesce(booked.total, 0) <> event.written_off_minor + CASE
    WHEN event.state IN ('tracked', 'declined', 'reversed') THEN 0
    ELSE event.original_minor - event.clawed_back_minor + event.correction_minor END
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
SELECT count(*) FROM cashback_payout payout
LEFT JOIN (
    SELECT source_id, sum(amount_minor) FILTER (WHERE reason = 'payout') AS aside,
        sum(amount_minor) FILTER (WHERE reason = 'settlement') AS gone,
        sum(amount_minor) FILTER (WHERE reason = 'return') AS back
    FROM cashback_transfer WHERE source_type = 'payout' GROUP BY source_id
) booked ON booked.source_id = payout.public_id
WHERE booked.aside IS DISTINCT FROM payout.amount_minor
    OR coalesce(booked.gone, 0) <> CASE WHEN payout.state = 'paid' THEN payout.amount_minor ELSE 0 END
    OR coalesce(booked.back, 0) <>
        CASE WHEN payout.state IN ('rejected', 'returned') THEN payout.amount_minor ELSE 0 END
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
SELECT count(*) FROM cashback_conversion conversion
LEFT JOIN (
    SELECT conversion_id, sum(amount_minor * copies) AS total, sum(copies) AS lines FROM (
        SELECT conversion_id, line_hash, amount_minor, max(copies) AS copies FROM (
            SELECT line.conversion_id, line.line_hash, line.amount_minor, sum(line.copies) AS copies
            FROM cashback_conversionline line JOIN cashback_importjob job ON job.id = line.job_id
            GROUP BY line.conversion_id, line.line_hash, line.amount_minor, job.series_id
        ) said GROUP BY conversion_id, line_hash, amount_minor
    ) known GROUP BY conversion_id
) known ON known.conversion_id = conversion.id
WHERE conversion.gross_minor <> coalesce(known.total, 0) OR conversion.lines <> coalesce(known.lines, 0)
"""

CANCELLED = """
SELECT count(*) FROM cashback_conversion conversion
LEFT JOIN (
    SELECT purchase_id AS conversion_id, sum(amount_minor) AS total FROM cashback_cancellationmatch GROUP BY purchase_id
    UNION ALL
    SELECT cancellation_id, sum(amount_minor) FROM cashback_cancellationmatch GROUP BY cancellation_id
) matched ON matched.conversion_id = conversion.id
WHERE conversion.cancelled_minor <> coalesce(matched.total, 0)
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
