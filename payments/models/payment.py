"""One attempt to be paid for one thing."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money

if TYPE_CHECKING:
    from accounts.models import User

CURRENCY = r"^[A-Z]{3}$"


class ProviderName(models.TextChoices):
    SANDBOX = "sandbox", "Sandbox bank"
    STRIPE = "stripe", "Stripe"


class PaymentState(models.TextChoices):
    CREATED = "created", "Created"
    PENDING = "pending", "Pending"
    AUTHORIZED = "authorized", "Authorized"
    CAPTURED = "captured", "Captured"
    PARTLY_REFUNDED = "partly_refunded", "Partly refunded"
    REFUNDED = "refunded", "Refunded"
    DISPUTED = "disputed", "Disputed"
    CHARGED_BACK = "charged_back", "Charged back"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class CaptureMode(models.TextChoices):
    AUTOMATIC = "automatic", "At once"
    MANUAL = "manual", "Authorised first"


class Decision(models.TextChoices):
    CAPTURE = "capture", "Capture it"
    VOID = "void", "Let it go"


# The provider has not said its last word yet.
OPEN_STATES = (PaymentState.CREATED, PaymentState.PENDING, PaymentState.AUTHORIZED)
# The bank has the money back, or holds it back until it has decided.
CONTESTED_STATES = (PaymentState.DISPUTED, PaymentState.CHARGED_BACK)
# As long as a payment is one of these, its reference takes no second one.
LIVE_STATES = (*OPEN_STATES, PaymentState.CAPTURED, PaymentState.PARTLY_REFUNDED, PaymentState.DISPUTED)


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to(self, user: "User") -> Self:
        """All for holders of the permission, their own for everybody else."""
        return self if user.has_perm("payments.view_payment") else self.filter(payer=user)

    def live_for(self, reference: UUID) -> Self:
        """The payment that speaks for a reference now: at most one."""
        return self.filter(reference=reference, state__in=LIVE_STATES)

    def due_for_poll(self, at: datetime) -> Self:
        """Open payments of which no webhook has told for too long, the longest waiting first."""
        return self.filter(state__in=OPEN_STATES, poll_at__lte=at).order_by("poll_at")

    def with_money_left(self) -> Self:
        """Captured, and neither refunded, nor on the way back, nor charged back."""
        kept = self.exclude(state=PaymentState.CHARGED_BACK)
        return kept.filter(captured_minor__gt=F("refunded_minor") + F("refunding_minor"))


class Payment(models.Model):
    """An attempt to be paid `amount_minor` for `reference`, at one provider, by one method."""

    TRANSITIONS: ClassVar[Mapping[PaymentState, frozenset[PaymentState]]] = {
        PaymentState.CREATED: frozenset(
            {
                PaymentState.PENDING,
                PaymentState.AUTHORIZED,
                PaymentState.CAPTURED,
                PaymentState.FAILED,
                PaymentState.CANCELLED,
            }
        ),
        PaymentState.PENDING: frozenset(
            {PaymentState.AUTHORIZED, PaymentState.CAPTURED, PaymentState.FAILED, PaymentState.CANCELLED}
        ),
        PaymentState.AUTHORIZED: frozenset({PaymentState.CAPTURED, PaymentState.CANCELLED, PaymentState.FAILED}),
        PaymentState.CAPTURED: frozenset({PaymentState.PARTLY_REFUNDED, PaymentState.REFUNDED, PaymentState.DISPUTED}),
        PaymentState.PARTLY_REFUNDED: frozenset({PaymentState.REFUNDED, PaymentState.DISPUTED}),
        PaymentState.DISPUTED: frozenset({PaymentState.CAPTURED, PaymentState.CHARGED_BACK}),
        PaymentState.REFUNDED: frozenset(),
        PaymentState.CHARGED_BACK: frozenset(),
        PaymentState.FAILED: frozenset(),
        PaymentState.CANCELLED: frozenset(),
    }
    # Providers promise no order of arrival: a report is news only when it ranks above what is known.
    RANK: ClassVar[Mapping[PaymentState, int]] = {
        PaymentState.CREATED: 0,
        PaymentState.PENDING: 1,
        PaymentState.AUTHORIZED: 2,
        PaymentState.FAILED: 3,
        PaymentState.CANCELLED: 3,
        PaymentState.CAPTURED: 4,
        PaymentState.PARTLY_REFUNDED: 5,
        PaymentState.DISPUTED: 6,
        PaymentState.REFUNDED: 7,
        PaymentState.CHARGED_BACK: 7,
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    reference = models.UUIDField(help_text="Public id of what is paid for")
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments", db_index=False
    )
    provider = models.CharField(max_length=20, choices=ProviderName)
    provider_ref = models.CharField(max_length=120, blank=True, help_text="The provider's own id of the charge")
    method = models.CharField(max_length=30)
    capture = models.CharField(max_length=10, choices=CaptureMode, default=CaptureMode.AUTOMATIC)
    decision = models.CharField(
        max_length=10, choices=Decision, blank=True, help_text="What the site has asked the provider to do, if anything"
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    captured_minor = models.BigIntegerField(default=0)
    refunding_minor = models.BigIntegerField(default=0, help_text="Asked back, not yet confirmed by the provider")
    refunded_minor = models.BigIntegerField(default=0)
    state = models.CharField(max_length=20, choices=PaymentState, default=PaymentState.CREATED)
    failure_code = models.CharField(max_length=60, blank=True)
    polls = models.PositiveIntegerField(default=0)
    poll_at = models.DateTimeField(help_text="When to ask the provider, if it has told nothing until then")
    authorized_at = models.DateTimeField(null=True, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="payments_payment_state_known", condition=Q(state__in=PaymentState.values)),
            models.CheckConstraint(name="payments_payment_capture_known", condition=Q(capture__in=CaptureMode.values)),
            models.CheckConstraint(
                name="payments_payment_decision_known", condition=Q(decision__in=["", *Decision.values])
            ),
            models.CheckConstraint(name="payments_payment_currency", condition=Q(currency__regex=CURRENCY)),
            models.CheckConstraint(name="payments_payment_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="payments_payment_captured_in_amount",
                condition=Q(captured_minor__gte=0, captured_minor__lte=F("amount_minor")),
            ),
            models.CheckConstraint(
                name="payments_payment_refunds_in_captured",
                condition=Q(
                    refunding_minor__gte=0,
                    refunded_minor__gte=0,
                    captured_minor__gte=F("refunded_minor") + F("refunding_minor"),
                ),
            ),
            models.UniqueConstraint(
                name="payments_payment_provider_ref", fields=["provider", "provider_ref"], condition=~Q(provider_ref="")
            ),
            models.UniqueConstraint(
                name="payments_payment_one_live", fields=["reference"], condition=Q(state__in=LIVE_STATES)
            ),
        ]
        indexes = [
            # All attempts for one reference, in the order they were made.
            models.Index(name="payments_payment_reference_idx", fields=["reference", "id"]),
            # A payer's own list, newest first.
            models.Index(name="payments_payment_payer_idx", fields=["payer", "-id"]),
            # poll_payments walks the open ones that are due.
            models.Index(name="payments_payment_poll_idx", fields=["poll_at"], condition=Q(state__in=OPEN_STATES)),
        ]

    def __str__(self) -> str:
        return f"{format_money(self.amount_minor, self.currency)} by {self.method}, {self.get_state_display().lower()}"

    @property
    def is_open(self) -> bool:
        """Whether the provider may still decide."""
        return self.state in OPEN_STATES

    @property
    def refundable_minor(self) -> int:
        """What may still be asked back; nothing while the bank contests the payment, and nothing after it has won."""
        if self.state in CONTESTED_STATES:
            return 0
        return self.captured_minor - self.refunded_minor - self.refunding_minor
