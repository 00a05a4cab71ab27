"""Cashback whose purchase changed afterwards: amended, clawed back in part, or taken back."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import transaction

from accounts.models import User
from cashback.events import CashbackAmended, CashbackReversed
from cashback.models import Account, CashbackEvent, CashbackState, TransferKind
from cashback.services.approvals import decline_events
from cashback.services.bookings import Sides, entry, sides_of, transfers_of, undo_step
from cashback.services.ledger import Entry, book
from cashback.services.moves import announce, locked, move_all, record_changes


class Target(NamedTuple):
    """What an event should be worth: `original_minor` less `clawed_back_minor`."""

    event: CashbackEvent
    original_minor: int
    clawed_back_minor: int

    @property
    def is_news(self) -> bool:
        """Whether it differs from what the event is worth, and the event is not over."""
        wanted = (self.original_minor, self.clawed_back_minor)
        return not self.event.is_final and (self.event.original_minor, self.event.clawed_back_minor) != wanted


@transaction.atomic
def adjust_events(*, targets: Sequence[Target], reason: str, actor: User | None = None) -> list[CashbackEvent]:
    """Book the differences to what events should be worth; those that are over or right already are left alone.

    Of money that was paid, no more is taken than the account's floor allows; the rest is written off.
    """
    fresh = {event.pk: event for event in locked([target.event for target in targets])}
    renewed = [target._replace(event=fresh[target.event.pk]) for target in targets]
    changes = [target for target in renewed if target.is_news]
    book_differences(changes)
    events = [change.event for change in changes]
    CashbackEvent.objects.bulk_update(
        events, ["original_minor", "clawed_back_minor", "written_off_minor", "adjustments"]
    )
    record_changes(events, to=None, actor=actor, reason=reason)
    announce(CashbackAmended, events)
    return events


def book_differences(changes: Sequence[Target]) -> None:
    """Unpaid ones together; paid ones one by one, since each may find less in the wallet than the one before."""
    found = sides_of([change.event for change in changes])
    together = [change for change in changes if change.event.state != CashbackState.PAID]
    book(entries=[line for change in together for line in differences(change, found[change.event.pk])])
    for change in changes:
        if change.event.state == CashbackState.PAID:
            book_paid_difference(change, found[change.event.pk])
        change.event.original_minor = change.original_minor
        change.event.clawed_back_minor = change.clawed_back_minor
        change.event.adjustments += 1


def differences(change: Target, sides: Sides) -> Iterable[Entry]:
    """Amendment and clawback of one unpaid event, each in its own direction."""
    event = change.event
    grown = change.original_minor - event.original_minor
    restored = event.clawed_back_minor - change.clawed_back_minor
    if event.state == CashbackState.TRACKED:
        return
    for kind, amount in ((TransferKind.AMENDMENT, grown), (TransferKind.CLAWBACK, restored)):
        debit, credit = (sides.accrual, sides.pending) if amount > 0 else (sides.pending, sides.accrual)
        if amount:
            yield entry(event, debit=debit, credit=credit, amount_minor=abs(amount), reason=numbered(kind, event))


def numbered(kind: TransferKind, event: CashbackEvent) -> str:
    return f"{kind.value}.{event.adjustments + 1}"


def book_paid_difference(change: Target, sides: Sides) -> None:
    """More is paid at once; less is taken out of the wallet as far as it goes."""
    event = change.event
    grown = change.original_minor - change.clawed_back_minor - event.amount_minor
    if grown > 0:
        reason = numbered(TransferKind.AMENDMENT, event)
        book(entries=[entry(event, debit=sides.accrual, credit=sides.available, amount_minor=grown, reason=reason)])
    else:
        take_back(event, sides, amount_minor=-grown, reason=numbered(TransferKind.CLAWBACK, event))


def take_back(event: CashbackEvent, sides: Sides, *, amount_minor: int, reason: str) -> None:
    """Take paid money out of the wallet, down to its floor; what is not there is written off."""
    taken = min(amount_minor, depth_of(sides.available))
    if taken > 0:
        first = (
            transfers_of([event], TransferKind.RELEASE).get(event.public_id)
            if reason == TransferKind.REVERSAL
            else None
        )
        line = entry(
            event, debit=sides.available, credit=sides.accrual, amount_minor=taken, reason=reason, reverses=first
        )
        book(entries=[line])
    event.written_off_minor += amount_minor - max(taken, 0)


def depth_of(account: Account) -> int:
    """How much may be taken out of an account, read under its lock."""
    row = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    return (row.balance_minor or 0) - row.floor_minor


@transaction.atomic
def undo_events(*, events: Sequence[CashbackEvent], reason: str, actor: User | None = None) -> list[CashbackEvent]:
    """The purchases are undone: unpaid cashback is declined, paid cashback taken back."""
    declined = decline_events(events=events, actor=actor, reason=reason)
    return declined + reverse_events(events=events, actor=actor, reason=reason)


@transaction.atomic
def reverse_events(*, events: Sequence[CashbackEvent], reason: str, actor: User | None = None) -> list[CashbackEvent]:
    """Take back cashback that was paid or was about to be. Events in other states are left alone."""
    paid = {event.pk for event in locked(events) if event.state == CashbackState.PAID}
    reversed_ = move_all(events, CashbackState.REVERSED, actor=actor, reason=reason)
    undo_step([event for event in reversed_ if event.pk not in paid], TransferKind.REVERSAL)
    taken = [event for event in reversed_ if event.pk in paid]
    found = sides_of(taken)
    for event in taken:
        take_back(event, found[event.pk], amount_minor=event.amount_minor, reason=TransferKind.REVERSAL.value)
    CashbackEvent.objects.bulk_update(taken, ["written_off_minor"])
    announce(CashbackReversed, reversed_)
    return reversed_
