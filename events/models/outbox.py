"""The outbox: facts for browsers, messages for handlers, and where each channel stands."""

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from coupon_site.identifiers import uuid7


class EventStatus(models.IntegerChoices):
    QUEUED = 0
    SEQUENCED = 1
    PUBLISHED = 2
    DEAD = 3


class OutboxEvent(models.Model):
    """A fact on its way to browsers, written in the transaction that caused it; the relay numbers and publishes it."""

    event_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    channel = models.CharField(max_length=100)
    event_type = models.CharField(max_length=100)
    schema_version = models.PositiveSmallIntegerField(default=1)
    aggregate_type = models.CharField(max_length=50)
    aggregate_id = models.CharField(max_length=100)
    audience = ArrayField(models.CharField(max_length=120), help_text="Keys of those who may see it")
    payload = models.TextField(help_text="The browser's `data`, already JSON")
    headers = models.JSONField(default=dict, blank=True)
    status = models.PositiveSmallIntegerField(choices=EventStatus, default=EventStatus.QUEUED)
    seq = models.BigIntegerField(null=True, blank=True, help_text="Its number on the channel, without holes")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sequenced_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="events_outboxevent_channel_seq", fields=["channel", "seq"]),
            models.CheckConstraint(name="events_outboxevent_status_known", condition=Q(status__in=EventStatus.values)),
            models.CheckConstraint(
                name="events_outboxevent_numbered_when_sequenced",
                condition=Q(status__in=[EventStatus.QUEUED, EventStatus.DEAD], seq__isnull=True)
                | Q(status__in=[EventStatus.SEQUENCED, EventStatus.PUBLISHED], seq__isnull=False),
            ),
        ]
        indexes = [
            # The relay takes what waits, in order of writing.
            models.Index(
                name="events_outboxevent_queued_idx", fields=["channel", "id"], condition=Q(status=EventStatus.QUEUED)
            ),
            # The relay passes over aggregates with an event that waits for a retry.
            models.Index(
                name="events_outboxevent_retry_idx",
                fields=["channel", "next_attempt_at"],
                condition=Q(status=EventStatus.QUEUED, attempts__gt=0),
            ),
            # The relay publishes what a killed one left behind.
            models.Index(
                name="events_outboxevent_left_idx", fields=["channel", "seq"], condition=Q(status=EventStatus.SEQUENCED)
            ),
            # Retention removes published events by age.
            models.Index(
                name="events_outboxevent_age_idx", fields=["published_at"], condition=Q(status=EventStatus.PUBLISHED)
            ),
            # Dead events are listed, counted and removed by age.
            models.Index(
                name="events_outboxevent_dead_idx", fields=["created_at"], condition=Q(status=EventStatus.DEAD)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.aggregate_id}"

    @property
    def is_dead(self) -> bool:
        return self.status == EventStatus.DEAD


class OutboxChannel(models.Model):
    """Where a channel stands: the last number given, the last number published, and the life of its stream."""

    channel = models.CharField(max_length=100, primary_key=True)
    epoch = models.CharField(max_length=16, help_text="Changes when numbers of the stream can no longer be trusted")
    last_seq = models.BigIntegerField(default=0)
    published_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="events_outboxchannel_published_in_sequenced",
                condition=Q(published_seq__gte=0, published_seq__lte=F("last_seq")),
            ),
        ]

    def __str__(self) -> str:
        return self.channel


class MessageState(models.TextChoices):
    PENDING = "pending"
    LEASED = "leased"
    DELIVERED = "delivered"
    DEAD = "dead"


WAITING = (MessageState.PENDING, MessageState.LEASED)
"""States that a worker may claim when due: a lease that ran out is due again."""


class OutboxMessage(models.Model):
    """One event for one handler, or one command to do later; each has its own attempts, so none holds up another."""

    public_id = models.UUIDField(primary_key=True, editable=False, default=uuid7)
    topic = models.CharField(max_length=50)
    handler = models.CharField(max_length=200)
    event = models.CharField(max_length=100, blank=True, help_text="Empty: a command to do later")
    payload = models.JSONField(default=dict, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=9, choices=MessageState, default=MessageState.PENDING)
    due_at = models.DateTimeField(default=timezone.now, help_text="When leased: the end of the lease")
    fence = models.PositiveIntegerField(default=0, help_text="Counts claims; a finishing write must name the latest")
    attempts = models.PositiveSmallIntegerField(default=0)
    expired_leases = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    scheduled_at = models.DateTimeField(default=timezone.now, help_text="When it was first due")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    outside = models.BooleanField(
        default=False, db_default=False, help_text="Calls the outside world: has a thread to itself"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="events_outboxmessage_state_known", condition=Q(state__in=MessageState.values)),
            models.CheckConstraint(
                name="events_outboxmessage_finished_when_done",
                condition=Q(state__in=[MessageState.DELIVERED, MessageState.DEAD], finished_at__isnull=False)
                | Q(state__in=[MessageState.PENDING, MessageState.LEASED], finished_at__isnull=True),
            ),
        ]
        indexes = [
            # Workers claim what is due, by topic; what calls the outside world apart from the rest.
            models.Index(
                name="events_outboxmessage_due_idx",
                fields=["topic", "outside", "due_at"],
                condition=Q(state__in=[MessageState.PENDING, MessageState.LEASED]),
            ),
            # Retention removes delivered messages by age.
            models.Index(
                name="events_outboxmessage_age_idx", fields=["finished_at"], condition=Q(state=MessageState.DELIVERED)
            ),
            # Dead messages are listed, counted and removed by age.
            models.Index(
                name="events_outboxmessage_dead_idx", fields=["finished_at"], condition=Q(state=MessageState.DEAD)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handler} {self.public_id}"

    @property
    def is_dead(self) -> bool:
        return self.state == MessageState.DEAD

    @property
    def subject(self) -> str:
        """What it is, for people: the event's name, or the task's."""
        return self.event or self.handler.rpartition(".")[2]

    def age(self, at: datetime) -> timedelta:
        """How long it has been due."""
        return max(at - self.scheduled_at, timedelta(0))
