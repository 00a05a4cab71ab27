"""What a report on a dispute does to it and to its payment."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from coupon_site.transitions import move, record_change
from events import publish
from payments.errors import ReportMismatch
from payments.events import PaymentChargedBack, PaymentWonBack
from payments.metrics import DISPUTES
from payments.models import UNDECIDED, Dispute, DisputeState, Payment, PaymentState
from payments.providers import DisputeReport

CONTESTABLE = (PaymentState.CAPTURED, PaymentState.PARTLY_REFUNDED)


@transaction.atomic
def apply_dispute(report: DisputeReport) -> tuple[Payment, bool]:
    """The payment after the report, and whether the report was news."""
    payment = Payment.objects.select_for_update(no_key=True).get(
        provider=report.provider, provider_ref=report.charge_ref or None
    )
    check_fits(payment, report)
    dispute, is_new = find_dispute(payment, report)
    has_moved = report.state in Dispute.TRANSITIONS[DisputeState(dispute.state)]
    if has_moved:
        follow(dispute, report)
    if is_new or has_moved:
        follow_disputes(payment)
    return payment, is_new or has_moved


def check_fits(payment: Payment, report: DisputeReport) -> None:
    """A dispute in another currency must be looked at by people."""
    if report.currency != payment.currency or report.amount_minor < 1:
        raise ReportMismatch(
            f"Paid in {payment.currency}, disputed {report.amount_minor} {report.currency}", payment=payment.public_id
        )


def find_dispute(payment: Payment, report: DisputeReport) -> tuple[Dispute, bool]:
    """The dispute's row, and whether it was made just now. Every dispute begins as an inquiry, though few stay one."""
    dispute, is_new = Dispute.objects.get_or_create(
        provider=report.provider,
        provider_ref=report.provider_ref,
        defaults={
            "payment": payment,
            "amount_minor": report.amount_minor,
            "reason": report.reason,
            "respond_by": report.respond_by,
            "poll_at": timezone.now() + timedelta(seconds=settings.PAYMENT_POLL_SECONDS),
        },
    )
    if is_new:
        record_change(dispute, before="", to=dispute.state, actor=None, reason=report.reason)
    return dispute, is_new


def follow(dispute: Dispute, report: DisputeReport) -> None:
    """Bring a dispute to where its report says that it is."""
    fields: dict[str, Any] = {"amount_minor": report.amount_minor, "respond_by": report.respond_by}
    if report.state not in UNDECIDED:
        fields["closed_at"] = timezone.now()
    move(dispute, report.state, reason=report.reason, **fields)
    status = "opened" if report.state == DisputeState.OPEN else str(report.state)
    transaction.on_commit(DISPUTES.labels(dispute.provider, status).inc)


def follow_disputes(payment: Payment) -> None:
    """Bring a captured payment to where its disputes want it: the news of money and of disputes come in any order."""
    disputes = {dispute.state: dispute for dispute in payment.disputes.order_by("-id")}
    contested = disputes.keys() & {DisputeState.OPEN, DisputeState.LOST}
    if contested and payment.state in CONTESTABLE:
        move(payment, PaymentState.DISPUTED, reason=disputes[min(contested)].reason)
    if payment.state != PaymentState.DISPUTED:
        return
    if lost := disputes.get(DisputeState.LOST):
        charge_back(payment, lost)
    elif not contested:
        win_back(payment)


def win_back(payment: Payment) -> None:
    """The money is ours after all, less what was on its way back when the dispute began."""
    move(payment, PaymentState.CAPTURED, reason="dispute won")
    if payment.refunded_minor:
        is_whole = payment.refunded_minor == payment.captured_minor
        move(payment, PaymentState.REFUNDED if is_whole else PaymentState.PARTLY_REFUNDED)
    publish(PaymentWonBack(payment=payment.public_id, reference=payment.reference))


def charge_back(payment: Payment, dispute: Dispute) -> None:
    """The bank has decided for the payer: the money is gone."""
    move(payment, PaymentState.CHARGED_BACK, reason=dispute.reason)
    publish(
        PaymentChargedBack(
            payment=payment.public_id,
            dispute=dispute.public_id,
            reference=payment.reference,
            amount_minor=dispute.amount_minor,
            currency=payment.currency,
        )
    )
