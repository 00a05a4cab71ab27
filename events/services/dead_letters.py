"""What operators do about messages and events that were given up."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from events.models import EventStatus, MessageState, OutboxEvent, OutboxMessage
from events.wake import wake_on_commit


@transaction.atomic
def replay_messages(*, ids: Iterable[UUID], at: datetime) -> int:
    """Dead messages are due again, with all their tries; how many there were. Others are left alone."""
    dead = OutboxMessage.objects.filter(pk__in=list(ids), state=MessageState.DEAD)
    replayed = dead.update(state=MessageState.PENDING, due_at=at, attempts=0, expired_leases=0, finished_at=None)
    wake_on_commit()
    return replayed


@transaction.atomic
def replay_events(*, ids: Iterable[UUID], at: datetime) -> int:
    """Dead events queue again and get a new number; how many there were. `ids` are event ids."""
    dead = OutboxEvent.objects.filter(event_id__in=list(ids), status=EventStatus.DEAD)
    replayed = dead.update(status=EventStatus.QUEUED, attempts=0, next_attempt_at=at, last_error="")
    wake_on_commit()
    return replayed


@transaction.atomic
def purge_messages(*, ids: Iterable[UUID]) -> int:
    """Remove dead messages for good; how many there were. Others are left alone."""
    return OutboxMessage.objects.filter(pk__in=list(ids), state=MessageState.DEAD).delete()[0]


@transaction.atomic
def purge_events(*, ids: Iterable[UUID]) -> int:
    """Remove dead events for good; how many there were. `ids` are event ids."""
    return OutboxEvent.objects.filter(event_id__in=list(ids), status=EventStatus.DEAD).delete()[0]
