"""What monitoring keeps itself: alerts and deployments. All else that there is to see belongs to the other apps."""

from collections.abc import Mapping
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from coupon_site.identifiers import uuid7


class Console(models.Model):
    """Carries the permissions of the operators' screens."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_reconciliation", "Can see whether every invariant holds"),
            ("clear_window", "Can empty the last hour's window of figures"),
        ]


class AlertState(models.TextChoices):
    FIRING = "firing"
    RESOLVED = "resolved"


class AlertEnding(models.TextChoices):
    """How the site knows that an alert is over."""

    REPORTED = "reported", "Alertmanager said so"
    SILENT = "silent", "Alertmanager no longer repeats it"
    REPLACED = "replaced", "it fired anew"


class AlertQuerySet(models.QuerySet["Alert"]):
    def firing(self) -> "AlertQuerySet":
        return self.filter(state=AlertState.FIRING)


class Alert(models.Model):
    """One time that an alert fires, from its beginning to its end. `fingerprint` is Alertmanager's, of its labels."""

    URL_LENGTH = 500
    TRANSITIONS: ClassVar[Mapping[AlertState, frozenset[AlertState]]] = {
        AlertState.FIRING: frozenset({AlertState.RESOLVED}),
        AlertState.RESOLVED: frozenset({AlertState.FIRING}),  # Alertmanager had lost sight of it
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    fingerprint = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    severity = models.CharField(max_length=20, blank=True)
    category = models.CharField(max_length=50, blank=True)
    service = models.CharField(max_length=100, blank=True)
    labels = models.JSONField(default=dict)
    summary = models.CharField(max_length=500, blank=True)
    description = models.CharField(max_length=2000, blank=True)
    runbook_url = models.CharField(max_length=URL_LENGTH, blank=True)
    dashboard_url = models.CharField(max_length=URL_LENGTH, blank=True)
    source_url = models.CharField(max_length=URL_LENGTH, blank=True, help_text="The expression, in Prometheus")
    state = models.CharField(max_length=10, choices=AlertState, default=AlertState.FIRING)
    ending = models.CharField(max_length=10, choices=AlertEnding, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(help_text="When Alertmanager last said that it fires")

    objects = AlertQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="monitoring_alert_episode", fields=["fingerprint", "starts_at"]),
            models.UniqueConstraint(
                name="monitoring_alert_fires_once", fields=["fingerprint"], condition=Q(state=AlertState.FIRING)
            ),
            models.CheckConstraint(
                name="monitoring_alert_ends_when_resolved",
                condition=Q(state=AlertState.FIRING, ends_at__isnull=True, ending="")
                | Q(state=AlertState.RESOLVED, ends_at__gte=F("starts_at"), ending__in=AlertEnding.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.service})" if self.service else self.name


class Deployment(models.Model):
    """A build that began to run, as the leading worker saw it."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    version = models.CharField(max_length=100)
    commit = models.CharField(max_length=100)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.version} ({self.commit[:12]})"
