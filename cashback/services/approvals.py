"""From pending to the wallet: approval, hold, release; or a decline."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import User
from cashback.events import (
    CashbackConfirmed,
    CashbackDeclined,
    CashbackHeld,
    CashbackPaid,
    CashbackPayable,
    CashbackPending,
)
from cashback.metrics import cashback_confirmations_total
from cashback.models import CashbackEvent, CashbackState, TransferKind
from cashback.services.bookings import ACCRUAL, AVAILABLE, PENDING, book_step, undo_step
from cashback.services.moves import announce, locked, move_all
from coupon_site.deadlocks import retried

NOTHING_LEFT = "nothing of it is left"


@retried
def open_events(*, events: Sequence[CashbackEvent]) -> list[CashbackEvent]:
    """Tracked cashback is noted in the wallets: pending, not to be spent."""
    opened = move_all(events, CashbackState.PENDING)
    book_step(opened, TransferKind.ACCRUAL, debit=ACCRUAL, credit=PENDING)
    announce(CashbackPending, opened)
    return opened


@retried
def approve_events(
    *, events: Sequence[CashbackEvent], at: datetime, actor: User | None = None, reason: str = ""
) -> list[CashbackEvent]:
    """Confirm pending or held cashback; what has no hold left is paid at once. Others are left alone."""
    confirmed = move_all(events, CashbackState.CONFIRMED, actor=actor, reason=reason, confirmed_at=at)
    announce(CashbackConfirmed, confirmed)
    count_confirmations(confirmed)
    release_events(events=[event for event in confirmed if event.hold_until <= at], at=at)
    return confirmed


def count_confirmations(events: Sequence[CashbackEvent]) -> None:
    for network, number in Counter(event.network for event in events).items():
        child = cashback_confirmations_total.labels(network=network)
        transaction.on_commit(lambda child=child, number=number: child.inc(number))  # type: ignore[misc]  # bound per turn


@retried
def release_events(*, events: Sequence[CashbackEvent], at: datetime) -> list[CashbackEvent]:
    """Confirmed cashback can be spent from now on. What was clawed back whole is declined instead."""
    decline_events(events=[event for event in events if not event.amount_minor], reason=NOTHING_LEFT)
    payable = move_all([event for event in events if event.amount_minor], CashbackState.PAYABLE)
    announce(CashbackPayable, payable)
    book_step(payable, TransferKind.RELEASE, debit=PENDING, credit=AVAILABLE)
    paid = move_all(payable, CashbackState.PAID, paid_at=at)
    announce(CashbackPaid, paid)
    return paid


@retried
def decline_events(
    *, events: Sequence[CashbackEvent], actor: User | None = None, reason: str = ""
) -> list[CashbackEvent]:
    """There will be no cashback: what is noted goes out of the wallets again. Paid and payable ones are left alone."""
    booked = {event.pk for event in locked(events) if event.state != CashbackState.TRACKED}
    declined = move_all(events, CashbackState.DECLINED, actor=actor, reason=reason)
    undo_step([event for event in declined if event.pk in booked], TransferKind.DECLINE)
    announce(CashbackDeclined, declined)
    return declined


@retried
def hold_events(*, events: Sequence[CashbackEvent], actor: User | None, reason: str) -> list[CashbackEvent]:
    """Confirmed cashback waits until somebody has looked at it, and clears or declines it."""
    held = move_all(events, CashbackState.HELD, actor=actor, reason=reason)
    announce(CashbackHeld, held)
    return held


@retried
def clear_events(
    *, events: Sequence[CashbackEvent], at: datetime, actor: User | None, reason: str
) -> list[CashbackEvent]:
    """Held cashback turned out to be fine; pending one still waits for its approval."""
    held = [event for event in locked(events) if event.state == CashbackState.HELD]
    return approve_events(events=held, at=at, actor=actor, reason=reason)


@retried
def approve_waiting(*, at: datetime, limit: int) -> int:
    """Confirm what waits for an approval, the oldest first; answers how many."""
    waiting = CashbackEvent.objects.awaiting_approval().order_by("pk")
    events = list(waiting.select_for_update(no_key=True, skip_locked=True)[:limit])
    return len(approve_events(events=events, at=at, reason="approved automatically"))


@retried
def release_due(*, at: datetime, limit: int) -> int:
    """Pay confirmed cashback whose hold is over; answers how many were looked at."""
    due = CashbackEvent.objects.due_for_release(at).order_by("hold_until")
    events = list(due.select_for_update(no_key=True, skip_locked=True)[:limit])
    release_events(events=events, at=at)
    return len(events)
