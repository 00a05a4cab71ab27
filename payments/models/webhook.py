"""What providers have told us, kept as it came."""

from django.db import models
from django.db.models import Q


class ReceiptOutcome(models.TextChoices):
    WAITING = "waiting", "Waiting to be applied"
    APPLIED = "applied", "Applied"
    IGNORED = "ignored", "Ignored: nothing new"
    FOREIGN = "foreign", "Ignored: not about a payment of ours"


class WebhookReceipt(models.Model):
    """One event of one provider, stored before it is acknowledged; the second copy of an event changes nothing.

    What fails its signature is counted and never stored: a stranger could otherwise occupy the id of an event to come.
    """

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=120)
    event_type = models.CharField(max_length=60)
    body = models.TextField()
    verified = models.BooleanField(help_text="Its signature was checked; if not, it is a hint to ask the provider")
    copies = models.PositiveIntegerField(default=1)
    outcome = models.CharField(max_length=20, choices=ReceiptOutcome, default=ReceiptOutcome.WAITING)
    received_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="payments_webhookreceipt_event", fields=["provider", "event_id"]),
            models.CheckConstraint(
                name="payments_webhookreceipt_outcome", condition=Q(outcome__in=ReceiptOutcome.values)
            ),
        ]
        indexes = [
            # The admin's list and the removal of old receipts.
            models.Index(name="payments_receipt_age_idx", fields=["received_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_type} {self.event_id}"
