"""Reads of payments."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from payments.models import (
    CONTESTED_STATES,
    OPEN_STATES,
    UNDECIDED,
    Dispute,
    DisputeState,
    Payment,
    PaymentQuerySet,
    PaymentState,
    ReceiptOutcome,
    RefundState,
    WebhookReceipt,
)

LONGEST_POLL = timedelta(hours=1)
STUCK_AFTER = timedelta(minutes=15)


def payments_of(reference: UUID) -> PaymentQuerySet:
    """Every attempt for a reference, the first one first."""
    return Payment.objects.filter(reference=reference).order_by("id")


def next_poll(*, at: datetime, polls: int) -> datetime:
    """When to ask the provider after `polls` questions: each wait twice the one before, an hour at most."""
    first = timedelta(seconds=settings.PAYMENT_POLL_SECONDS)
    return at + min(first * (1 << min(polls, 12)), LONGEST_POLL)


def stuck_payments(at: datetime) -> int:
    """Open payments that the provider has left open for too long."""
    return Payment.objects.filter(state__in=OPEN_STATES, created_at__lt=at - STUCK_AFTER).count()


def failed_refunds() -> int:
    """Refunds that wait for an operator."""
    return Payment.objects.filter(refunds__state=RefundState.FAILED).count()


def open_disputes() -> int:
    """Disputes that are not decided yet."""
    return Dispute.objects.filter(state__in=UNDECIDED).count()


def waiting_receipts() -> int:
    """Webhooks that are stored and not yet applied."""
    return WebhookReceipt.objects.filter(outcome=ReceiptOutcome.WAITING).count()


def refunds_out_of_step() -> QuerySet[Payment]:
    """Payments whose sums are not those of their refunds."""
    on_the_way = Q(refunds__state__in=[RefundState.CREATED, RefundState.IN_TRANSIT, RefundState.FAILED])
    zero = Value(0)
    sums = Payment.objects.annotate(
        going=Coalesce(Sum("refunds__amount_minor", filter=on_the_way), zero),
        gone=Coalesce(Sum("refunds__amount_minor", filter=Q(refunds__state=RefundState.DONE)), zero),
    )
    return sums.exclude(going=F("refunding_minor"), gone=F("refunded_minor"))


def states_out_of_step() -> QuerySet[Payment]:
    """Payments whose state says something else than their amounts."""
    return Payment.objects.filter(
        Q(state__in=OPEN_STATES, captured_minor__gt=0)
        | Q(state__in=[PaymentState.CAPTURED, *CONTESTED_STATES], captured_minor=0)
        | Q(state=PaymentState.CAPTURED, refunded_minor__gt=0)
        | Q(state=PaymentState.PARTLY_REFUNDED, refunded_minor=0)
        | Q(state=PaymentState.REFUNDED) & ~Q(refunded_minor=F("captured_minor"))
    )


def states_against_disputes() -> QuerySet[Payment]:
    """Payments that say something else of their disputes than these themselves."""
    disputes = Dispute.objects.filter(payment=OuterRef("pk"))
    is_open, is_lost = (Exists(disputes.filter(state=state)) for state in (DisputeState.OPEN, DisputeState.LOST))
    return Payment.objects.filter(
        Q(state=PaymentState.DISPUTED) & (~is_open | is_lost)
        | Q(state=PaymentState.CHARGED_BACK) & ~is_lost
        | Q(state__in=[PaymentState.CAPTURED, PaymentState.PARTLY_REFUNDED]) & (is_open | is_lost)
    )


INVARIANTS: dict[str, Callable[[], int]] = {
    "payments_sums_of_refunds": lambda: refunds_out_of_step().count(),
    "payments_state_against_amounts": lambda: states_out_of_step().count(),
    "payments_state_against_disputes": lambda: states_against_disputes().count(),
}
