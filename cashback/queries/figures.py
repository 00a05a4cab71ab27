"""Figures that the state exporter shows."""

from datetime import datetime, timedelta

from django.db.models import Count, Min, Sum

from cashback.models import (
    Account,
    AccountKind,
    CashbackEvent,
    CashbackState,
    ImportJob,
    ImportState,
    Payout,
    PayoutState,
)
from coupon_site.money import usd_of


def cashback_pending_usd() -> float:
    """Cashback that customers have been promised and can't spend yet, in dollars."""
    pending = Account.objects.filter(kind=AccountKind.PENDING).values_list("currency").annotate(Sum("balance_minor"))
    return sum(usd_of(minor or 0, currency) for currency, minor in pending)


def cashback_events_by_state() -> dict[str, int]:
    """How many cashback events are in each state."""
    found = dict(CashbackEvent.objects.values_list("state").annotate(Count("pk")).order_by())
    return {state: found.get(state, 0) for state in CashbackState.values}


def cashback_oldest_pending_seconds(at: datetime) -> float:
    """How long the oldest cashback waits for an approval."""
    oldest = CashbackEvent.objects.awaiting_approval().aggregate(oldest=Min("created_at"))["oldest"]
    return (at - oldest).total_seconds() if oldest else 0.0


def payouts_by_state() -> dict[str, int]:
    """How many payouts are in each state."""
    found = dict(Payout.objects.values_list("state").annotate(Count("pk")).order_by())
    return {state: found.get(state, 0) for state in PayoutState.values}


def payouts_oldest_requested_seconds(at: datetime) -> float:
    """How long the oldest payout waits for a second person."""
    oldest = Payout.objects.filter(state=PayoutState.REQUESTED).aggregate(oldest=Min("requested_at"))["oldest"]
    return (at - oldest).total_seconds() if oldest else 0.0


def payouts_stuck(at: datetime) -> int:
    """Payouts that the bank has left open for too long, or that failed and wait for a decision."""
    return Payout.objects.stuck(at).count()


def imports_stalled(at: datetime, *, after: timedelta = timedelta(minutes=5)) -> int:
    """Imports that are said to run and have committed nothing for a while."""
    return ImportJob.objects.filter(state=ImportState.RUNNING, heartbeat_at__lt=at - after).count()
