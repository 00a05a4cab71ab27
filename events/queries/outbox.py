"""Reads: what waits in the outbox, and what a channel has published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet, UUIDField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone

from events.events import Event
from events.models import WAITING, EventStatus, MessageState, OutboxChannel, OutboxEvent, OutboxMessage


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How full a part of the outbox is. What is scheduled for later is not queued."""

    queued: int = 0
    in_flight: int = 0
    dead: int = 0
    oldest_pending_age_seconds: float = 0.0


def message_figures(*, at: datetime) -> dict[str, Figures]:
    """Messages by topic. A lease that ran out counts as queued again."""
    due, leased = Q(due_at__lte=at), Q(state=MessageState.LEASED)
    counted = {
        "queued": Count("pk", filter=Q(state__in=WAITING) & due),
        "in_flight": Count("pk", filter=leased & ~due),
        "dead": Count("pk", filter=Q(state=MessageState.DEAD)),
        "oldest": Min("scheduled_at", filter=Q(state__in=WAITING)),
    }
    unfinished = OutboxMessage.objects.filter(state__in=[*WAITING, MessageState.DEAD])
    return {row["topic"]: figures_of(row, at=at) for row in unfinished.values("topic").annotate(**counted)}


def event_figures(*, at: datetime) -> dict[str, Figures]:
    """Events by channel: queued before the relay has numbered them, in flight until they are published."""
    queued, sequenced = Q(status=EventStatus.QUEUED), Q(status=EventStatus.SEQUENCED)
    counted = {
        "queued": Count("pk", filter=queued),
        "in_flight": Count("pk", filter=sequenced),
        "dead": Count("pk", filter=Q(status=EventStatus.DEAD)),
        "oldest": Min("created_at", filter=queued | sequenced),
    }
    unfinished = OutboxEvent.objects.exclude(status=EventStatus.PUBLISHED)
    return {row["channel"]: figures_of(row, at=at) for row in unfinished.values("channel").annotate(**counted)}


def figures_of(row: Mapping[str, Any], *, at: datetime) -> Figures:
    age = max(0.0, (at - row["oldest"]).total_seconds()) if row["oldest"] else 0.0
    return Figures(queued=row["queued"], in_flight=row["in_flight"], dead=row["dead"], oldest_pending_age_seconds=age)


def total(parts: Sequence[Figures]) -> Figures:
    """The parts as one; the oldest is the oldest of all."""
    return Figures(
        queued=sum(part.queued for part in parts),
        in_flight=sum(part.in_flight for part in parts),
        dead=sum(part.dead for part in parts),
        oldest_pending_age_seconds=max((part.oldest_pending_age_seconds for part in parts), default=0.0),
    )


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a channel stands: the last number published in this life of its stream."""

    epoch: str
    seq: int


def positions() -> dict[str, Position]:
    """Every channel that the relay knows."""
    rows = OutboxChannel.objects.values_list("channel", "epoch", "published_seq")
    return {channel: Position(epoch=epoch, seq=seq) for channel, epoch, seq in rows}


def position_of(channel: str) -> Position:
    """One of them; nothing has happened yet on a channel that the relay does not know."""
    return positions().get(channel, Position(epoch="", seq=0))


def published_between(*, channel: str, first: int, last: int) -> list[OutboxEvent]:
    """Numbered events of a channel from `first` to `last`, in order; removed ones are missing."""
    numbered = OutboxEvent.objects.filter(channel=channel, seq__range=(first, last))
    return list(numbered.only("event_id", "channel", "audience", "payload", "seq", "created_at").order_by("seq"))


OVERDUE = timedelta(minutes=5)
HOLES = """
SELECT count(*) FILTER (WHERE numbered.last <> state.last_seq)
     + coalesce(sum(numbered.last - numbered.first + 1 - numbered.count), 0)
FROM events_outboxchannel AS state
LEFT JOIN LATERAL (
    SELECT min(seq) AS first, max(seq) AS last, count(seq) AS count
    FROM events_outboxevent WHERE channel = state.channel
) AS numbered ON true
"""


def overdue() -> int:
    """Messages and events that should long have been delivered."""
    before = timezone.now() - OVERDUE
    messages = OutboxMessage.objects.filter(state__in=WAITING, due_at__lt=before)
    events = OutboxEvent.objects.filter(
        status__in=[EventStatus.QUEUED, EventStatus.SEQUENCED], next_attempt_at__lt=before
    )
    return messages.count() + events.count()


def untried(*events: type[Event], topic: str, about: str) -> QuerySet[OutboxMessage, Any]:
    """What messages that wait for their first try are about, by a field of their payload: late, and not lost."""
    names = [event.name for event in events]
    waiting = OutboxMessage.objects.filter(topic=topic, state__in=WAITING, event__in=names, attempts=0)
    return waiting.values_list(Cast(KT(f"payload__{about}"), UUIDField()), flat=True)


def holes() -> int:
    """Numbers that a channel has given away and that no event bears; the oldest may have been cleaned away."""
    with connection.cursor() as cursor:
        cursor.execute(HOLES)
        (missing,) = cursor.fetchone()
    return int(missing)
