"""Asking providers for what no webhook has told: payments, refunds, disputes."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F

from events import enqueue
from payments.errors import ProviderRefused, ProviderUnavailable, ReportMismatch
from payments.models import UNDECIDED, Dispute, Payment, PaymentState, Refund, RefundState
from payments.providers import ChargeReport, DisputeReport, adapter_of, current_provider
from payments.queries import next_poll
from payments.services.decisions import carry_out
from payments.services.refund_outcomes import apply_refund
from payments.services.reports import apply_payment_event, apply_report, ended_report

DISPUTES_SEEN = timedelta(days=3)
"""How far back disputes are looked for that no webhook has told of: as long as a provider repeats its webhooks."""

logger = logging.getLogger(__name__)

Row = TypeVar("Row", Payment, Refund, Dispute)


def poll_payments(*, at: datetime, limit: int = 50) -> int:
    """Ask for open payments that are due; answers how many were asked for."""
    due = Payment.objects.due_for_poll(at)[:limit]
    return ask_in_turn(due, lambda payment: ask_for_payment(payment, at))


def poll_refunds(*, at: datetime, limit: int = 50) -> int:
    """Ask for refunds on their way that are due; answers how many were asked for."""
    due = Refund.objects.due_for_poll(at).select_related("payment")[:limit]
    return ask_in_turn(due, lambda refund: ask_for_refund(refund, at))


def poll_disputes(*, at: datetime, limit: int = 50) -> int:
    """Ask for undecided disputes that are due; answers how many were asked for."""
    due = Dispute.objects.due_for_poll(at).select_related("payment")[:limit]
    return ask_in_turn(due, lambda dispute: ask_for_dispute(dispute, at))


def find_disputes(*, at: datetime) -> int:
    """Ask for disputes that nobody has told of; answers how many there were."""
    try:
        reports = current_provider().disputes_since(at - DISPUTES_SEEN)
    except ProviderUnavailable as error:
        logger.warning("disputes are looked for in the next round: %s", error)
        return 0
    return sum(is_found(report) for report in reports)


def is_found(report: DisputeReport) -> bool:
    """Whether a dispute was news; one of another shop over the same account is none of ours."""
    try:
        return apply_report(event=report).is_news
    except Payment.DoesNotExist:
        return False
    except ReportMismatch as error:
        logger.error("dispute %s: %s", report.provider_ref, error)  # noqa: TRY400  no traceback needed
        return False


def ask_in_turn(rows: Iterable[Row], ask: Callable[[Row], object]) -> int:
    """One after the other; an absent provider ends the round, a strange answer only its own row's turn."""
    asked = 0
    for row in rows:
        try:
            ask(row)
        except ProviderUnavailable as error:
            logger.warning("polling stops until the next round: %s", error)
            break
        except (ProviderRefused, ReportMismatch) as error:
            logger.error("%s %s: %s", row._meta.verbose_name, row.public_id, error)  # noqa: TRY400  no traceback needed
        asked += 1
    return asked


def refresh_payment(*, payment: Payment, at: datetime) -> ChargeReport | None:
    """Ask at once for a payment and what is on its way of it; what was reported of an open one. Raises
    ProviderUnavailable, ProviderRefused, ReportMismatch.
    """
    report = ask_for_payment(payment, at) if payment.is_open else None
    for refund in payment.refunds.filter(state=RefundState.IN_TRANSIT):
        ask_for_refund(refund, at)
    for dispute in payment.disputes.filter(state__in=UNDECIDED):
        ask_for_dispute(dispute, at)
    payment.refresh_from_db()
    return report


def ask_for_payment(payment: Payment, at: datetime) -> ChargeReport | None:
    Payment.objects.filter(pk=payment.pk).update(polls=F("polls") + 1, poll_at=next_poll(at=at, polls=payment.polls))
    report = adapter_of(payment.provider).look_up(payment)
    if report is not None:
        remind(apply_payment_event(event=report))
    elif payment.created_at < at - timedelta(seconds=settings.PAYMENT_ABANDON_SECONDS):
        apply_payment_event(event=ended_report(payment, PaymentState.CANCELLED, "never_reached"))
    return report


def remind(payment: Payment) -> None:
    """What was decided and has not happened is asked for again."""
    if payment.state == PaymentState.AUTHORIZED and payment.decision:
        with transaction.atomic():
            enqueue(carry_out, {"payment": payment.public_id, "decision": payment.decision})


def ask_for_refund(refund: Refund, at: datetime) -> None:
    Refund.objects.filter(pk=refund.pk).update(polls=F("polls") + 1, poll_at=next_poll(at=at, polls=refund.polls))
    report = adapter_of(refund.payment.provider).look_up_refund(refund)
    if report is not None:
        apply_refund(report)


def ask_for_dispute(dispute: Dispute, at: datetime) -> None:
    Dispute.objects.filter(pk=dispute.pk).update(polls=F("polls") + 1, poll_at=next_poll(at=at, polls=dispute.polls))
    report = adapter_of(dispute.provider).look_up_dispute(dispute)
    if report is not None:
        apply_payment_event(event=report)
