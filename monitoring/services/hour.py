"""What is written about the last hour."""

from datetime import datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction

from accounts.models import User
from monitoring import window
from monitoring.queries import figures, pace
from orders.queries import inventory_of_live_sales

# A transaction may commit a little after the moments that it writes.
COMMIT_LAG = timedelta(seconds=2)


def record_slot(*, at: datetime) -> int:
    """Measure what happened since the last slot and keep it for an hour. Answers how many orders were made."""
    oldest = at - timedelta(seconds=window.TTL_SECONDS)
    start = max(filter(None, (oldest, window.cleared_at())))
    since = min(max(filter(None, (start, window.sampled_at()))), at)
    sample = figures.pulse(at)
    made = pace.created_between(since - COMMIT_LAG, at - COMMIT_LAG)
    done = pace.fulfilled_between(since - COMMIT_LAG, at - COMMIT_LAG)
    elapsed = (at - since).total_seconds()
    window.write(
        window.Slot(
            at=at,
            orders_per_second=round(made / elapsed, 3) if elapsed else 0,
            statuses=pace.outcomes(since=start),
            order_latency_ms=[order for order, _ in done],
            processing_time_ms=[work for _, work in done],
            queue_length=sample["outbox_queued"],
            active_connections=sample["sockets"],
            inventory={str(each.product): each.available for each in inventory_of_live_sales(at)},
            sample=sample,
        )
    )
    return made


@transaction.atomic
def clear_window(*, actor: User, at: datetime) -> int:
    """Forget the last hour of figures; who did it stays in the admin's log. Answers how many keys went."""
    removed = window.clear(at=at)
    LogEntry.objects.create(
        user=actor,
        action_flag=CHANGE,
        object_repr="The last hour of figures",
        change_message="Cleared the window in Redis.",
    )
    return removed
