"""Removing what nobody will ask for again, in small transactions that block nobody."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from events.models import DeliveryState, EventStatus, MessageState, OutboxEvent, OutboxMessage, WebhookDelivery

KEEP_DONE = timedelta(days=7)
KEEP_DEAD = timedelta(days=90)
BATCH = 1000


def remove_old_rows(*, at: datetime) -> int:
    """What was published or delivered after a week, what was given up after 90 days; how many. What waits, stays."""
    events, messages, deliveries = OutboxEvent.objects.all(), OutboxMessage.objects.all(), WebhookDelivery.objects.all()
    return sum(
        map(
            remove_in_batches,
            [
                events.filter(status=EventStatus.PUBLISHED, published_at__lt=at - KEEP_DONE),
                events.filter(status=EventStatus.DEAD, created_at__lt=at - KEEP_DEAD),
                messages.filter(state=MessageState.DELIVERED, finished_at__lt=at - KEEP_DONE),
                messages.filter(state=MessageState.DEAD, finished_at__lt=at - KEEP_DEAD),
                deliveries.filter(state=DeliveryState.DELIVERED, finished_at__lt=at - KEEP_DONE),
                deliveries.filter(state=DeliveryState.FAILED, finished_at__lt=at - KEEP_DEAD),
            ],
        )
    )


def remove_in_batches(old: QuerySet[Any, Any]) -> int:
    """Delete the rows a thousand at a time; rows that somebody holds are left for the next time."""
    removed = 0
    while batch := remove_batch(old):
        removed += batch
    return removed


@transaction.atomic
def remove_batch(old: QuerySet[Any, Any]) -> int:
    model: type[Model] = old.model
    chosen = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    return model._default_manager.filter(pk__in=chosen).delete()[0]
