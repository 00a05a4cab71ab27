"""What a report on a charge does to its payment."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from coupon_site.transitions import move
from events import publish
from payments.errors import ReportMismatch
from payments.events import PaymentAuthorized, PaymentCaptured, PaymentFailed
from payments.metrics import PAYMENT_DECLINES, PAYMENT_SUCCESSES
from payments.models import Payment, PaymentState
from payments.providers import ChargeReport
from payments.services.dispute_outcomes import follow_disputes
from payments.services.refunds import request_refund

GIVEN_UP = (PaymentState.FAILED, PaymentState.CANCELLED)


@transaction.atomic
def apply_charge(report: ChargeReport) -> tuple[Payment, bool]:
    """The payment after the report, and whether the report was news."""
    payment = Payment.objects.select_for_update(no_key=True).get(public_id=report.payment, provider=report.provider)
    check_fits(payment, report)
    if report.state == PaymentState.CAPTURED and payment.state in GIVEN_UP and not payment.captured_minor:
        give_back_stray(payment, report)
        return payment, True
    if report.state == PaymentState.AUTHORIZED and payment.state in GIVEN_UP and not payment.captured_minor:
        announce_authorization(payment)  # whoever hears it lets it go
        return payment, True
    state = PaymentState(payment.state)
    if report.state not in Payment.TRANSITIONS[state] or Payment.RANK[report.state] <= Payment.RANK[state]:
        return payment, False
    settle(payment, report)
    return payment, True


def check_fits(payment: Payment, report: ChargeReport) -> None:
    """An amount or a currency that was never asked for must be looked at by people."""
    fits = report.currency == payment.currency and 0 <= report.captured_minor <= payment.amount_minor
    if not fits or (report.state == PaymentState.CAPTURED and not report.captured_minor):
        raise ReportMismatch(
            f"Asked for {payment.amount_minor} {payment.currency}, reported {report.captured_minor} {report.currency}",
            payment=payment.public_id,
        )


def settle(payment: Payment, report: ChargeReport) -> None:
    """Follow the report and announce what it decides."""
    fields: dict[str, Any] = {"failure_code": report.failure_code}
    if report.provider_ref:
        fields["provider_ref"] = report.provider_ref
    if report.state == PaymentState.AUTHORIZED:
        fields["authorized_at"] = timezone.now()
    if report.state == PaymentState.CAPTURED:
        fields |= {"captured_minor": report.captured_minor, "captured_at": timezone.now()}
    move(payment, report.state, reason=report.failure_code, **fields)
    announce(payment)


def announce(payment: Payment) -> None:
    """Tell what has been decided; nobody waits for less."""
    match payment.state:
        case PaymentState.AUTHORIZED:
            announce_authorization(payment)
        case PaymentState.CAPTURED:
            announce_capture(payment)
            follow_disputes(payment)
        case PaymentState.FAILED | PaymentState.CANCELLED:
            announce_failure(payment)


def announce_authorization(payment: Payment) -> None:
    publish(
        PaymentAuthorized(
            payment=payment.public_id,
            reference=payment.reference,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
        )
    )


def announce_capture(payment: Payment) -> None:
    publish(
        PaymentCaptured(
            payment=payment.public_id,
            reference=payment.reference,
            amount_minor=payment.captured_minor,
            currency=payment.currency,
        )
    )
    transaction.on_commit(PAYMENT_SUCCESSES.labels(payment.provider).inc)


def announce_failure(payment: Payment) -> None:
    publish(
        PaymentFailed(
            payment=payment.public_id,
            reference=payment.reference,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            failure_code=payment.failure_code,
        )
    )
    if payment.state == PaymentState.FAILED:
        transaction.on_commit(PAYMENT_DECLINES.labels(payment.provider).inc)


def give_back_stray(payment: Payment, report: ChargeReport) -> None:
    """Money that comes for a payment that was given up goes straight back: another one may have been paid since."""
    payment.captured_minor = report.captured_minor
    payment.provider_ref = report.provider_ref
    payment.captured_at = timezone.now()
    payment.save(update_fields=["captured_minor", "provider_ref", "captured_at"])
    request_refund(
        payment=payment,
        amount_minor=report.captured_minor,
        reason="captured after the payment was given up",
        key=f"stray:{payment.public_id}",
    )
