"""Who wants to hear of what by HTTP, and every delivery to them."""

from collections.abc import Mapping
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from coupon_site.identifiers import uuid7


class EndpointState(models.TextChoices):
    ENABLED = "enabled"
    DISABLED = "disabled"


class WebhookEndpoint(models.Model):
    """An address that wants to hear of events. While it is disabled nothing is made for it, and what waits, waits."""

    TRANSITIONS: ClassVar[Mapping[EndpointState, frozenset[EndpointState]]] = {
        EndpointState.ENABLED: frozenset({EndpointState.DISABLED}),
        EndpointState.DISABLED: frozenset({EndpointState.ENABLED}),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    url = models.CharField("URL", max_length=500)
    description = models.CharField(max_length=200, blank=True)
    topics = ArrayField(
        models.CharField(max_length=100), help_text="Names of events; `order.*` is every event of orders, `*` is all"
    )
    state = models.CharField(max_length=8, choices=EndpointState, default=EndpointState.ENABLED, editable=False)
    disabled_reason = models.CharField(max_length=200, blank=True, editable=False)
    secret = models.TextField(editable=False, help_text="Sealed by a key made from SECRET_KEY")
    old_secret = models.TextField(blank=True, editable=False, help_text="Signs as well until it ends")
    old_secret_ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="events_webhookendpoint_state_known", condition=Q(state__in=EndpointState.values)
            ),
            models.CheckConstraint(
                name="events_webhookendpoint_old_secret_ends",
                condition=Q(old_secret="", old_secret_ends_at__isnull=True)
                | Q(~Q(old_secret=""), old_secret_ends_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


UNDELIVERED = (DeliveryState.PENDING, DeliveryState.SENDING)
"""States that a worker may claim when due: who was killed while it sent leaves a lease that runs out."""


class WebhookDelivery(models.Model):
    """One event for one endpoint, made in the transaction in which the relay numbers the event."""

    # A lease that is taken or given back is no move: workers claim and record under a fence, as with messages.
    TRANSITIONS: ClassVar[Mapping[DeliveryState, frozenset[DeliveryState]]] = {
        DeliveryState.PENDING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED}),
        DeliveryState.SENDING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED}),
        DeliveryState.DELIVERED: frozenset({DeliveryState.PENDING}),  # an operator's replay
        DeliveryState.FAILED: frozenset({DeliveryState.PENDING}),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(help_text="The header `webhook-id`: the same however often it is sent")
    event_type = models.CharField(max_length=100)
    body = models.TextField(help_text="What is signed and sent, to the byte")
    state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now, help_text="While it is sent: the end of the lease")
    fence = models.PositiveIntegerField(
        default=0, help_text="Counts claims; who records an answer must name the latest"
    )
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    response_excerpt = models.TextField(blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    log = models.JSONField(default=list, blank=True, help_text="Every attempt, the oldest first")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(name="events_webhookdelivery_once", fields=["endpoint", "event_id"]),
            models.CheckConstraint(
                name="events_webhookdelivery_state_known", condition=Q(state__in=DeliveryState.values)
            ),
            models.CheckConstraint(
                name="events_webhookdelivery_finished_when_done",
                condition=Q(state__in=[DeliveryState.DELIVERED, DeliveryState.FAILED], finished_at__isnull=False)
                | Q(state__in=[DeliveryState.PENDING, DeliveryState.SENDING], finished_at__isnull=True),
            ),
        ]
        indexes = [
            # Workers claim what is due, endpoint by endpoint.
            models.Index(
                name="events_webhookdelivery_due_idx",
                fields=["endpoint", "next_at"],
                condition=Q(state__in=[DeliveryState.PENDING, DeliveryState.SENDING]),
            ),
            # An endpoint's health: its last success, and how many of the last day's failed.
            models.Index(
                F("endpoint"),
                F("state"),
                F("finished_at").desc(),
                name="events_webhookdelivery_end_idx",
                condition=Q(state__in=[DeliveryState.DELIVERED, DeliveryState.FAILED]),
            ),
            # Retention removes by age; those that were given up are listed and counted.
            models.Index(name="events_webhookdelivery_age_idx", fields=["state", "finished_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"
