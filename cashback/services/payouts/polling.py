"""Asking the bank what became of payouts."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from cashback.models import Payout
from cashback.providers import bank
from cashback.services.payouts.reporting import apply_report
from cashback.services.payouts.sending import lose_sight, refused
from payments.errors import ProviderRefused, ProviderUnavailable, ReportMismatch
from payments.queries import next_poll

logger = logging.getLogger(__name__)


def poll_payouts(*, at: datetime, limit: int = 50) -> int:
    """Ask for payouts that are due; answers how many. An absent bank ends the round, a strange answer only its own."""
    asked = 0
    for payout in Payout.objects.due_for_poll(at).select_related("buyer")[:limit]:
        try:
            ask_for(payout, at=at)
        except ProviderUnavailable as error:
            logger.warning("polling stops until the next round: %s", error)
            break
        except (ProviderRefused, ReportMismatch) as error:
            logger.error("payout %s: %s", payout.public_id, error)  # noqa: TRY400  no traceback needed
        asked += 1
    return asked


def ask_for(payout: Payout, *, at: datetime) -> None:
    """One question. A payout of which the bank has not heard after long has not arrived, and may be tried again."""
    Payout.objects.filter(pk=payout.pk).update(polls=F("polls") + 1, poll_at=next_poll(at=at, polls=payout.polls))
    report = bank().look_up(payout)
    if report is not None:
        apply_report(report)
    elif payout.sent_at and payout.sent_at < at - timedelta(seconds=settings.PAYOUT_ABANDON_SECONDS):
        apply_report(refused(payout, "never_arrived"))
    else:
        lose_sight(payout, reason="the bank has not heard of it yet")
