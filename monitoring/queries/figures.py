"""The figures of the moment, as one dictionary: what the live stream sends once a second."""

from datetime import datetime
from typing import Any

import events.queries
import orders.queries
from events.events import as_json
from events.queries import Figures
from monitoring import processes
from monitoring.queries import cashback, pace

# What the charts draw, and what is therefore kept for an hour.
CHARTED = (
    "at",
    "orders_per_minute",
    "fulfilled_per_minute",
    "latency_avg_seconds",
    "latency_p95_seconds",
    "outbox_queued",
    "error_rate",
)


def sample(at: datetime) -> dict[str, Any]:
    """Everything that moves on the dashboard, ready for JSON."""
    outbox, load = whole_outbox(at), processes.whole_load()
    return {
        "at": as_json(at),
        **pace.pace(at),
        **pace.today(at),
        "orders_pending": orders.queries.pending_orders(),
        "cashback_pending": cashback.pending_amounts(),
        "outbox_queued": outbox.queued,
        "outbox_oldest_seconds": round(outbox.oldest_pending_age_seconds, 1),
        "outbox_dead": outbox.dead,
        "sockets": load.sockets,
        "error_rate": load.error_rate,
        "sales": as_json(pace.running_sales(at)),
    }


def whole_outbox(at: datetime) -> Figures:
    """Messages to handlers and events to browsers together."""
    parts = [*events.queries.message_figures(at=at).values(), *events.queries.event_figures(at=at).values()]
    return events.queries.total(parts)
