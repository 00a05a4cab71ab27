"""Reads: the outbox, and the webhooks out of it."""

from collections.abc import Callable

from events.queries.outbox import (
    Figures,
    Position,
    event_figures,
    holes,
    message_figures,
    overdue,
    position_of,
    positions,
    published_between,
    total,
    untried,
)
from events.queries.webhooks import (
    deliveries_by_state,
    endpoints_with_health,
    failing_endpoints,
    known_topics,
    overdue_deliveries,
)

INVARIANTS: dict[str, Callable[[], int]] = {
    "overdue_messages": overdue,
    "holes_in_numbering": holes,
    "overdue_webhook_deliveries": overdue_deliveries,
}

__all__ = [
    "INVARIANTS",
    "Figures",
    "Position",
    "deliveries_by_state",
    "endpoints_with_health",
    "event_figures",
    "failing_endpoints",
    "holes",
    "known_topics",
    "message_figures",
    "overdue",
    "overdue_deliveries",
    "position_of",
    "positions",
    "published_between",
    "total",
    "untried",
]
