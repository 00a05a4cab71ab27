"""Asking providers for what no webhook has told."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import F

from payments.errors import ProviderRefused, ProviderUnavailable, ReportMismatch
from payments.models import Payment, PaymentState, Refund
from payments.providers import ChargeReport, adapter_of
from payments.queries import next_poll
from payments.services.refund_outcomes import apply_refund
from payments.services.reports import apply_payment_event

logger = logging.getLogger(__name__)

Row = TypeVar("Row", Payment, Refund)


def poll_payments(*, at: datetime, limit: int = 50) -> int:
    """Ask for open payments that are due; answers how many were asked for."""
    due = Payment.objects.due_for_poll(at)[:limit]
    return ask_in_turn(due, lambda payment: ask_for_payment(payment, at))


def poll_refunds(*, at: datetime, limit: int = 50) -> int:
    """Ask for refunds on their way that are due; answers how many were asked for."""
    due = Refund.objects.due_for_poll(at).select_related("payment")[:limit]
    return ask_in_turn(due, lambda refund: ask_for_refund(refund, at))


def ask_in_turn(rows: Iterable[Row], ask: Callable[[Row], None]) -> int:
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


def ask_for_payment(payment: Payment, at: datetime) -> None:
    Payment.objects.filter(pk=payment.pk).update(polls=F("polls") + 1, poll_at=next_poll(at=at, polls=payment.polls))
    report = adapter_of(payment.provider).look_up(payment)
    if report is not None:
        apply_payment_event(event=report)
    elif payment.created_at < at - timedelta(seconds=settings.PAYMENT_ABANDON_SECONDS):
        apply_payment_event(event=abandoned(payment))


def ask_for_refund(refund: Refund, at: datetime) -> None:
    Refund.objects.filter(pk=refund.pk).update(polls=F("polls") + 1, poll_at=next_poll(at=at, polls=refund.polls))
    report = adapter_of(refund.payment.provider).look_up_refund(refund)
    if report is not None:
        apply_refund(report)


def abandoned(payment: Payment) -> ChargeReport:
    """A charge that the provider never heard of, and by now never will."""
    return ChargeReport(
        provider=adapter_of(payment.provider).name,
        payment=payment.public_id,
        provider_ref="",
        state=PaymentState.CANCELLED,
        currency=payment.currency,
        failure_code="never_reached",
    )
