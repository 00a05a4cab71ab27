"""What a report on a refund does to it and to its payment."""

import logging
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from coupon_site.transitions import move
from events import publish
from payments.errors import ReportMismatch
from payments.events import PaymentRefunded
from payments.metrics import REFUNDS
from payments.models import Payment, PaymentState, Refund, RefundState
from payments.providers import RefundReport
from payments.queries import next_poll

logger = logging.getLogger(__name__)


@transaction.atomic
def apply_refund(report: RefundReport) -> tuple[Payment, bool]:
    """The payment after the report, and whether the report was news."""
    refund = find_refund(report)
    # Always the payment first: whoever wants both rows takes them in this order.
    payment = Payment.objects.select_for_update(no_key=True).get(pk=refund.payment_id)
    refund.refresh_from_db(fields=["state", "attempt"])
    if refund.state == RefundState.DONE and report.state == RefundState.FAILED:
        logger.error("refund %s is done here, but its provider says it failed", refund.public_id)
    is_old = report.attempt not in (None, refund.attempt)
    if is_old or report.state not in Refund.TRANSITIONS[RefundState(refund.state)]:
        return payment, False
    if report.state == RefundState.DONE:
        finish(payment, refund, report)
    else:
        move(refund, report.state, reason=report.failure_code, failure_code=report.failure_code)
    if report.state == RefundState.FAILED:
        transaction.on_commit(REFUNDS.labels(payment.provider, "failed").inc)
    return payment, True


def find_refund(report: RefundReport) -> Refund:
    """The refund that a report is about; one that was made at the provider by hand is written down first.

    Raises Refund.DoesNotExist, Payment.DoesNotExist for what is not ours.
    """
    if report.refund is not None:
        return Refund.objects.get(public_id=report.refund, payment__provider=report.provider)
    payment = Payment.objects.select_for_update(no_key=True).get(
        provider=report.provider, provider_ref=report.charge_ref or None
    )
    key = f"{report.provider}:{report.provider_ref}"
    if known := Refund.objects.filter(key=key).first():
        return known
    return adopt(payment, report, key)


def adopt(payment: Payment, report: RefundReport, key: str) -> Refund:
    """A refund that nobody asked for here, already on its way."""
    if payment.captured_minor == 0:
        raise Refund.DoesNotExist  # an authorisation that was let go, which is no money given back
    if report.currency != payment.currency or report.amount_minor > payment.refundable_minor:
        raise ReportMismatch(
            f"{report.provider_ref} gives back {report.amount_minor} {report.currency}", payment=payment.public_id
        )
    Payment.objects.filter(pk=payment.pk).update(refunding_minor=F("refunding_minor") + report.amount_minor)
    refund = Refund.objects.create(
        payment=payment,
        key=key,
        amount_minor=report.amount_minor,
        reason="made at the provider",
        provider_ref=report.provider_ref,
        poll_at=next_poll(at=timezone.now(), polls=0),
    )
    move(refund, RefundState.IN_TRANSIT)
    return refund


def finish(payment: Payment, refund: Refund, report: RefundReport) -> None:
    """The money has gone back."""
    move(refund, RefundState.DONE, provider_ref=report.provider_ref, failure_code="", done_at=timezone.now())
    book(payment, refund.amount_minor)
    publish(
        PaymentRefunded(
            payment=payment.public_id,
            refund=refund.public_id,
            reference=payment.reference,
            amount_minor=refund.amount_minor,
            refunded_minor=payment.refunded_minor,
            currency=payment.currency,
        )
    )
    transaction.on_commit(REFUNDS.labels(payment.provider, "done").inc)


def book(payment: Payment, amount_minor: int) -> None:
    """Count the amount as refunded, and bring the payment into the state that says so where there is one."""
    booked: dict[str, Any] = {
        "refunding_minor": F("refunding_minor") - amount_minor,
        "refunded_minor": F("refunded_minor") + amount_minor,
    }
    is_whole = payment.refunded_minor + amount_minor == payment.captured_minor
    state = PaymentState.REFUNDED if is_whole else PaymentState.PARTLY_REFUNDED
    if state in Payment.TRANSITIONS[PaymentState(payment.state)]:
        move(payment, state, **booked)
    else:
        Payment.objects.filter(pk=payment.pk).update(**booked)
    payment.refresh_from_db()
