"""Money on its way back."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money
from payments.models.payment import Payment


class RefundState(models.TextChoices):
    CREATED = "created", "Created"
    IN_TRANSIT = "in_transit", "In transit"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class RefundQuerySet(models.QuerySet["Refund"]):
    def due_for_poll(self, at: datetime) -> Self:
        """Refunds on their way of which no webhook has told for too long."""
        return self.filter(state=RefundState.IN_TRANSIT, poll_at__lte=at).order_by("poll_at")


class Refund(models.Model):
    """A part of a payment that goes back; counted in the payment's `refunding_minor` until it is done or given up."""

    TRANSITIONS: ClassVar[Mapping[RefundState, frozenset[RefundState]]] = {
        RefundState.CREATED: frozenset({RefundState.IN_TRANSIT, RefundState.FAILED}),
        RefundState.IN_TRANSIT: frozenset({RefundState.DONE, RefundState.FAILED}),
        RefundState.FAILED: frozenset({RefundState.IN_TRANSIT, RefundState.CANCELLED}),
        RefundState.DONE: frozenset(),
        RefundState.CANCELLED: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    key = models.CharField(max_length=250, unique=True, help_text="The same key is the same refund")
    amount_minor = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the system itself",
    )
    attempt = models.PositiveIntegerField(default=1, help_text="How often it was sent; each time is new to a provider")
    provider_ref = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=20, choices=RefundState, default=RefundState.CREATED)
    failure_code = models.CharField(max_length=60, blank=True)
    polls = models.PositiveIntegerField(default=0)
    poll_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="payments_refund_state_known", condition=Q(state__in=RefundState.values)),
            models.CheckConstraint(name="payments_refund_amount_positive", condition=Q(amount_minor__gt=0)),
        ]
        indexes = [
            # poll_refunds walks those in transit that are due.
            models.Index(name="payments_refund_poll_idx", fields=["poll_at"], condition=Q(state="in_transit")),
        ]

    def __str__(self) -> str:
        return f"{format_money(self.amount_minor, self.payment.currency)} back, {self.get_state_display().lower()}"

    @property
    def attempt_key(self) -> str:
        """By which a provider knows this attempt again: a failed refund that is sent again is another one to it."""
        return f"{self.public_id}" if self.attempt == 1 else f"{self.public_id}:{self.attempt}"
