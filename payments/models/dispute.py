"""Payers who tell their bank that a payment was not right."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money
from payments.models.payment import Payment


class DisputeState(models.TextChoices):
    INQUIRY = "inquiry", "Inquiry"
    OPEN = "open", "Open"
    WON = "won", "Won"
    LOST = "lost", "Lost"


UNDECIDED = (DisputeState.INQUIRY, DisputeState.OPEN)


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def due_for_poll(self, at: datetime) -> Self:
        """Undecided disputes of which no webhook has told for too long."""
        return self.filter(state__in=UNDECIDED, poll_at__lte=at).order_by("poll_at")


class Dispute(models.Model):
    """One dispute as the provider has it: an inquiry takes no money, an open one holds it back, a lost one takes it."""

    TRANSITIONS: ClassVar[Mapping[DisputeState, frozenset[DisputeState]]] = {
        DisputeState.INQUIRY: frozenset({DisputeState.OPEN, DisputeState.WON, DisputeState.LOST}),
        DisputeState.OPEN: frozenset({DisputeState.WON, DisputeState.LOST}),
        DisputeState.WON: frozenset(),
        DisputeState.LOST: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    provider = models.CharField(max_length=20)
    provider_ref = models.CharField(max_length=120)
    amount_minor = models.BigIntegerField()
    reason = models.CharField(max_length=60, blank=True, help_text="The payer's, in the provider's words")
    state = models.CharField(max_length=20, choices=DisputeState, default=DisputeState.INQUIRY)
    respond_by = models.DateTimeField(null=True, blank=True, help_text="Until when the provider takes evidence")
    polls = models.PositiveIntegerField(default=0)
    poll_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="payments_dispute_state_known", condition=Q(state__in=DisputeState.values)),
            models.CheckConstraint(name="payments_dispute_amount_positive", condition=Q(amount_minor__gt=0)),
            models.UniqueConstraint(name="payments_dispute_provider_ref", fields=["provider", "provider_ref"]),
        ]
        indexes = [
            # poll_disputes walks the undecided ones that are due.
            models.Index(name="payments_dispute_poll_idx", fields=["poll_at"], condition=Q(state__in=UNDECIDED)),
        ]

    def __str__(self) -> str:
        amount = format_money(self.amount_minor, self.payment.currency)
        return f"{amount} disputed, {self.get_state_display().lower()}"
