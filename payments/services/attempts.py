"""Starting payments."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from events import enqueue, task
from events.errors import Defer
from events.models import OutboxMessage
from payments.errors import PaymentInProgress, ProviderRefused, ProviderUnavailable
from payments.metrics import PAYMENTS
from payments.models import CaptureMode, Decision, Payment, PaymentState
from payments.providers import adapter_of, current_provider
from payments.services.reports import apply_payment_event, ended_report

RETRY_SECONDS = 5
AUTHORIZING_METHOD = "card_authorize"


def start_payment(*, reference: UUID, payer: User, amount_minor: int, currency: str, method: str) -> Payment:
    """Open a payment and charge it at the provider over HTTP; a reference that has a live one gets that one.

    Belongs outside of transactions. Raises ProviderUnavailable: call again.
    """
    payment, _ = open_payment(
        reference=reference, payer=payer, amount_minor=amount_minor, currency=currency, method=method
    )
    return charge_payment(payment=payment)


@transaction.atomic
def queue_payment(*, reference: UUID, payer: User, amount_minor: int, currency: str, method: str) -> Payment:
    """Open a payment that a worker charges. Raises PaymentInProgress when the reference has a live one."""
    payment, is_new = open_payment(
        reference=reference, payer=payer, amount_minor=amount_minor, currency=currency, method=method
    )
    if not is_new:
        raise PaymentInProgress(payment=payment.public_id)
    enqueue(charge_queued, {"payment": payment.public_id})
    return payment


@transaction.atomic
def open_payment(
    *, reference: UUID, payer: User, amount_minor: int, currency: str, method: str
) -> tuple[Payment, bool]:
    """The live payment of a reference and whether it was made just now; the database admits one."""
    if live := Payment.objects.live_for(reference).first():
        return live, False
    provider = current_provider().name
    try:
        with transaction.atomic():
            payment = Payment.objects.create(
                reference=reference,
                payer=payer,
                provider=provider,
                method=method,
                capture=capture_mode(method),
                amount_minor=amount_minor,
                currency=currency,
                poll_at=timezone.now() + timedelta(seconds=settings.PAYMENT_POLL_SECONDS),
            )
    except IntegrityError:
        # Another worker was faster; anything else that is wrong with the row finds no payment here.
        return Payment.objects.live_for(reference).get(), False
    transaction.on_commit(PAYMENTS.labels(provider).inc)
    return payment, True


def capture_mode(method: str) -> CaptureMode:
    """Authorised first when the site wants all payments so, or the payer's method says so."""
    if settings.PAYMENT_CAPTURE == CaptureMode.MANUAL or method == AUTHORIZING_METHOD:
        return CaptureMode.MANUAL
    return CaptureMode.AUTOMATIC


def charge_payment(*, payment: Payment) -> Payment:
    """Bring a new payment to its provider. One that the provider has is left alone. Raises ProviderUnavailable."""
    if payment.state != PaymentState.CREATED:
        return payment
    if payment.decision == Decision.VOID:
        return apply_payment_event(event=ended_report(payment, PaymentState.CANCELLED, "called_off"))
    try:
        report = adapter_of(payment.provider).charge(payment)
    except ProviderRefused:
        report = ended_report(payment, PaymentState.FAILED, "refused")
    return apply_payment_event(event=report)


@task(transactional=False)
def charge_queued(message: OutboxMessage) -> None:
    """Charge a payment that was queued; while the provider is away, wait for it."""
    payment = Payment.objects.get(public_id=message.payload["payment"])
    try:
        charge_payment(payment=payment)
    except ProviderUnavailable as error:
        raise Defer(RETRY_SECONDS, str(error)) from error
