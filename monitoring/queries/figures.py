"""The figures of the moment, as one dictionary: what the live stream sends once a second."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import events.queries
import orders.queries
from events.events import as_json
from events.queries import Figures
from monitoring import processes
from monitoring.queries import cashback, pace


def pulse(at: datetime) -> dict[str, Any]:
    """What changes from second to second, and what the charts draw: cheap, however long the day has been."""
    outbox, load = whole_outbox(at), processes.whole_load()
    return {
        "at": as_json(at),
        **pace.pace(at),
        "outbox_queued": outbox.queued,
        "outbox_in_flight": outbox.in_flight,
        "outbox_oldest_seconds": round(outbox.oldest_pending_age_seconds, 1),
        "outbox_dead": outbox.dead,
        "sockets": load.sockets,
        "error_rate": load.error_rate,
    }


def sample(at: datetime, *, day: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything that moves on the dashboard, ready for JSON; `day` is today() where it is known already."""
    return {
        **pulse(at),
        **(pace.today(at) if day is None else day),
        "orders_pending": orders.queries.pending_orders(),
        "cashback_pending": cashback.pending_amounts(),
        "sales": as_json(pace.running_sales(at)),
    }


def whole_outbox(at: datetime) -> Figures:
    """Messages to handlers and events to browsers together."""
    parts = [*events.queries.message_figures(at=at).values(), *events.queries.event_figures(at=at).values()]
    return events.queries.total(parts)
