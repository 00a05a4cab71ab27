"""What a report on a refund does to it and to its payment."""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from coupon_site.transitions import move
from events import publish
from payments.events import PaymentRefunded
from payments.metrics import REFUNDS
from payments.models import Payment, PaymentState, Refund, RefundState
from payments.providers import RefundReport


@transaction.atomic
def apply_refund(report: RefundReport) -> tuple[Payment, bool]:
    """The payment after the report, and whether the report was news."""
    refund = Refund.objects.get(public_id=report.refund, payment__provider=report.provider)
    # Always the payment first: whoever wants both rows takes them in this order.
    payment = Payment.objects.select_for_update(no_key=True).get(pk=refund.payment_id)
    refund.refresh_from_db(fields=["state"])
    if report.state not in Refund.TRANSITIONS[RefundState(refund.state)]:
        return payment, False
    if report.state == RefundState.DONE:
        finish(payment, refund, report)
    else:
        move(refund, report.state, reason=report.failure_code, failure_code=report.failure_code)
    if report.state == RefundState.FAILED:
        transaction.on_commit(REFUNDS.labels(payment.provider, "failed").inc)
    return payment, True


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
