"""The sandbox bank's own memory of transfers. The site never reads these rows: it asks the bank over HTTP."""

from typing import Any

from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7


class SandboxState(models.TextChoices):
    LOST = "lost", "Never arrived"
    PENDING = "pending", "Pending"
    PAID = "paid", "Paid"
    DECLINED = "declined", "Declined"


class SandboxTransfer(models.Model):
    """Money that the sandbox bank sends to `destination`; the same key is the same transfer."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    key = models.UUIDField(unique=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    destination = models.CharField(max_length=80)
    state = models.CharField(max_length=20, choices=SandboxState)
    asked = models.PositiveIntegerField(default=1, help_text="How often it was asked for")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="cashback_sandboxtransfer_state_known", condition=Q(state__in=SandboxState.values)
            ),
            models.CheckConstraint(name="cashback_sandboxtransfer_positive", condition=Q(amount_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.state}"

    @property
    def reference(self) -> str:
        """The bank's name for it, as its customers see it."""
        return f"sbx_tr_{self.public_id.hex}"

    def as_json(self) -> dict[str, Any]:
        """As the bank's customers see it."""
        return {
            "id": self.reference,
            "key": str(self.key),
            "state": str(self.state),
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "failure_code": "account_closed" if self.state == SandboxState.DECLINED else "",
        }
