"""Money on its way out of a wallet."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money

if TYPE_CHECKING:
    from accounts.models import User


class PayoutState(models.TextChoices):
    REQUESTED = "requested", "Requested"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    PROCESSING = "processing", "At the bank"
    UNKNOWN = "unknown", "Unknown"
    PAID = "paid", "Paid"
    FAILED = "failed", "Failed"
    RETURNED = "returned", "Returned to the wallet"


# Their money lies in `payout_clearing`.
OPEN_STATES = (
    PayoutState.REQUESTED,
    PayoutState.APPROVED,
    PayoutState.PROCESSING,
    PayoutState.UNKNOWN,
    PayoutState.FAILED,
)
AT_THE_BANK = (PayoutState.PROCESSING, PayoutState.UNKNOWN)
UNAPPROVED = (PayoutState.REQUESTED, PayoutState.REJECTED)
STUCK_AFTER = timedelta(minutes=15)


class PayoutQuerySet(models.QuerySet["Payout"]):
    def visible_to(self, user: "User") -> Self:
        """All for those who look after them, their own for everybody else."""
        return self if user.has_perm("cashback.view_payout") else self.filter(buyer=user)

    def due_for_poll(self, at: datetime) -> Self:
        """Sent, and the bank has left open for too long what became of it."""
        return self.filter(state__in=AT_THE_BANK, sent_at__isnull=False, poll_at__lte=at).order_by("poll_at")

    def stuck(self, at: datetime) -> Self:
        """At the bank for so long that somebody should look, or failed: waiting for a decision."""
        return self.filter(Q(state__in=AT_THE_BANK, approved_at__lt=at - STUCK_AFTER) | Q(state=PayoutState.FAILED))


class Payout(models.Model):
    """An amount set aside from a wallet until it is paid, or comes back. The bank knows it by its public id."""

    TRANSITIONS: ClassVar[Mapping[PayoutState, frozenset[PayoutState]]] = {
        PayoutState.REQUESTED: frozenset({PayoutState.APPROVED, PayoutState.REJECTED}),
        PayoutState.APPROVED: frozenset({PayoutState.PROCESSING}),
        PayoutState.PROCESSING: frozenset({PayoutState.PAID, PayoutState.FAILED, PayoutState.UNKNOWN}),
        PayoutState.UNKNOWN: frozenset({PayoutState.PAID, PayoutState.FAILED}),
        PayoutState.FAILED: frozenset({PayoutState.PROCESSING, PayoutState.RETURNED}),
        PayoutState.PAID: frozenset(),
        PayoutState.REJECTED: frozenset(),
        PayoutState.RETURNED: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payouts", db_index=False
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    destination = models.CharField(max_length=80, help_text="The account that gets the money")
    key = models.CharField(max_length=300, unique=True, help_text="The same key is the same payout")
    provider_ref = models.CharField(max_length=120, blank=True, help_text="The bank's name for it")
    state = models.CharField(max_length=20, choices=PayoutState, default=PayoutState.REQUESTED)
    failure_code = models.CharField(max_length=60, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When the bank was asked last; empty: not yet")
    polls = models.PositiveIntegerField(default=0)
    poll_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Paid, rejected or returned")

    objects = PayoutQuerySet.as_manager()

    class Meta:
        permissions = [("approve_payout", "Can approve, reject, retry and return payouts")]
        constraints = [
            models.CheckConstraint(name="cashback_payout_state_known", condition=Q(state__in=PayoutState.values)),
            models.CheckConstraint(name="cashback_payout_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(name="cashback_payout_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")),
            models.UniqueConstraint(
                name="cashback_payout_provider_ref", fields=["provider_ref"], condition=~Q(provider_ref="")
            ),
            models.CheckConstraint(
                name="cashback_payout_second_person",
                condition=Q(approved_by=None) | ~Q(approved_by=F("requested_by")) & ~Q(approved_by=F("buyer")),
            ),
            models.CheckConstraint(
                name="cashback_payout_approved",
                condition=Q(state__in=UNAPPROVED, approved_by=None, approved_at=None)
                | Q(~Q(state__in=UNAPPROVED), approved_by__isnull=False, approved_at__isnull=False),
            ),
        ]
        indexes = [
            # A customer's own list, newest first.
            models.Index(name="cashback_payout_buyer_idx", fields=["buyer", "-id"]),
            # What is not over: the queue, and what lies in payout_clearing.
            models.Index(name="cashback_payout_open_idx", fields=["id"], condition=Q(state__in=OPEN_STATES)),
            # poll_payouts walks those at the bank that are due.
            models.Index(name="cashback_payout_poll_idx", fields=["poll_at"], condition=Q(state__in=AT_THE_BANK)),
        ]

    def __str__(self) -> str:
        return f"{format_money(self.amount_minor, self.currency)} out, {self.get_state_display().lower()}"
