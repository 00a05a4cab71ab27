"""The sandbox bank's own memory. The site never reads these rows: it asks the bank over HTTP."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from payments.models.payment import CaptureMode


class ChargeState(models.TextChoices):
    PENDING = "pending", "Pending"
    AUTHORIZED = "authorized", "Authorized"
    CAPTURED = "captured", "Captured"
    DECLINED = "declined", "Declined"
    VOIDED = "voided", "Voided"


class ClaimState(models.TextChoices):
    OPEN = "open", "Open"
    WON = "won", "Won by the shop"
    LOST = "lost", "Lost by the shop"


class SandboxCharge(models.Model):
    """A charge at the sandbox bank; `key` is the customer's own id, the same key is the same charge."""

    TRANSITIONS: ClassVar[Mapping[ChargeState, frozenset[ChargeState]]] = {
        ChargeState.PENDING: frozenset({ChargeState.AUTHORIZED, ChargeState.CAPTURED, ChargeState.DECLINED}),
        ChargeState.AUTHORIZED: frozenset({ChargeState.CAPTURED, ChargeState.VOIDED}),
        ChargeState.CAPTURED: frozenset(),
        ChargeState.DECLINED: frozenset(),
        ChargeState.VOIDED: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    key = models.UUIDField(unique=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=30)
    capture = models.CharField(max_length=10, choices=CaptureMode, default=CaptureMode.AUTOMATIC)
    refunded_minor = models.BigIntegerField(default=0)
    state = models.CharField(max_length=20, choices=ChargeState, default=ChargeState.PENDING)
    claim = models.CharField(
        max_length=10, choices=ClaimState, blank=True, help_text="How the payer's claim stands, if there is one"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="payments_sandboxcharge_state_known", condition=Q(state__in=ChargeState.values)
            ),
            models.CheckConstraint(
                name="payments_sandboxcharge_refunds_in_amount",
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("amount_minor")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.state}"

    @property
    def reference(self) -> str:
        """The bank's name for it, as its customers see it."""
        return f"sbx_ch_{self.public_id.hex}"

    def as_json(self) -> dict[str, Any]:
        """As the bank's customers see it."""
        return {
            "id": self.reference,
            "key": str(self.key),
            "state": str(self.state),
            "amount_minor": self.amount_minor,
            "captured_minor": self.amount_minor if self.state == ChargeState.CAPTURED else 0,
            "refunded_minor": self.refunded_minor,
            "currency": self.currency,
            "method": self.method,
            "failure_code": "card_declined" if self.state == ChargeState.DECLINED else "",
        }

    def claim_as_json(self) -> dict[str, Any]:
        """The payer's claim as the bank's customers see it."""
        return {
            "id": f"sbx_dp_{self.public_id}",
            "charge": self.reference,
            "amount_minor": self.amount_minor - self.refunded_minor,
            "currency": self.currency,
            "state": str(self.claim),
            "reason": "product_not_received",
        }


class SandboxRefund(models.Model):
    """A refund at the sandbox bank; the same key is the same refund."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    charge = models.ForeignKey(SandboxCharge, on_delete=models.PROTECT, related_name="refunds")
    key = models.UUIDField(unique=True)
    amount_minor = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="payments_sandboxrefund_amount_positive", condition=Q(amount_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """The bank's name for it."""
        return f"sbx_re_{self.public_id.hex}"

    def as_json(self, *, state: str) -> dict[str, Any]:
        """As the bank's customers see it: accepted when asked for, done when asked about."""
        return {
            "id": self.reference,
            "key": str(self.key),
            "charge": self.charge.reference,
            "amount_minor": self.amount_minor,
            "state": state,
        }
