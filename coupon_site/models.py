"""What every app shares: the history of state changes, and the answers already given."""

from django.conf import settings
from django.db import models


class StateChange(models.Model):
    """One move of one row through its state machine. Append-only: a trigger refuses UPDATE and DELETE."""

    model = models.CharField(max_length=60)
    object_id = models.UUIDField()
    from_state = models.CharField(max_length=30)
    to_state = models.CharField(max_length=30)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the system itself",
    )
    reason = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            # The history shown on each object's admin page.
            models.Index(name="coupon_site_statechange_idx", fields=["object_id", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.from_state} → {self.to_state}"


class IdempotencyRecord(models.Model):
    """The answer given to a principal's key; written in the transaction of the effect it answers for."""

    principal = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body")
    status = models.PositiveSmallIntegerField()
    response = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="coupon_site_idempotencyrecord_key", fields=["principal", "key"]),
        ]
        indexes = [
            # Old records are removed by age.
            models.Index(name="coupon_site_idempotency_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.principal} {self.key}"
