"""Cashback whose purchase changed afterwards: amended, clawed back in part, or taken back."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from accounts.models import User
from cashback.events import CashbackAmended, CashbackReversed
from cashback.models import Account, CashbackEvent, CashbackState, TransferKind
from cashback.services.approvals import decline_events
from cashback.services.bookings import Sides, entry, lock_wallets, transfers_of, undo_step
from cashback.services.ledger import Entry, book
from cashback.services.moves import announce, locked, move_all, record_changes
from coupon_site.deadlocks import retried
from coupon_site.errors import IllegalTransition

AMOUNTS = ["original_minor", "clawed_back_minor", "correction_minor", "written_off_minor", "adjustments"]


class Target(NamedTuple):
    """What an event should be worth: `original_minor` less `clawed_back_minor`, corrected by hand where given."""

    event: CashbackEvent
    original_minor: int
    clawed_back_minor: int
    correction_minor: int | None = None

    @property
    def correction(self) -> int:
        """The correction that holds; one that takes away can't take more than there is."""
        wanted = self.event.correction_minor if self.correction_minor is None else self.correction_minor
        return max(wanted, self.clawed_back_minor - self.original_minor)

    @property
    def amount_minor(self) -> int:
        return self.original_minor - self.clawed_back_minor + self.correction

    @property
    def is_news(self) -> bool:
        """Whether it differs from what the event is worth, and the event is not over."""
        event = self.event
        wanted = (self.original_minor, self.clawed_back_minor, self.correction)
        return not event.is_final and (event.original_minor, event.clawed_back_minor, event.correction_minor) != wanted


@retried
def adjust_events(*, targets: Sequence[Target], reason: str, actor: User | None = None) -> list[CashbackEvent]:
    """Book the differences to what events should be worth; those that are over or right already are left alone.

    Of money that was paid, no more is taken than the account's floor allows; the rest is written off.
    """
    fresh = {event.pk: event for event in locked([target.event for target in targets])}
    renewed = [target._replace(event=fresh[target.event.pk]) for target in targets]
    changes = [target for target in renewed if target.is_news]
    book_differences(changes)
    events = [change.event for change in changes]
    CashbackEvent.objects.bulk_update(events, AMOUNTS)
    record_changes(events, to=None, actor=actor, reason=reason)
    announce(CashbackAmended, events)
    return events


@retried
def amend_event(*, event: CashbackEvent, amount_minor: int, reason: str, actor: User) -> CashbackEvent:
    """Somebody decides what an event is worth from now on; what happens to the purchase later still counts.

    Raises IllegalTransition when the event is over.
    """
    [fresh] = locked([event])
    if fresh.is_final:
        raise IllegalTransition(f"cashback that is {fresh.state} can't be amended", state=fresh.state)
    correction = amount_minor - fresh.original_minor + fresh.clawed_back_minor
    target = Target(fresh, fresh.original_minor, fresh.clawed_back_minor, correction)
    return next(iter(adjust_events(targets=[target], reason=reason, actor=actor)), fresh)


def book_differences(changes: Sequence[Target]) -> None:
    """Unpaid ones together; paid ones one by one, since each may find less in the wallet than the one before."""
    found = lock_wallets([change.event for change in changes])
    together = [change for change in changes if change.event.state != CashbackState.PAID]
    book(entries=[line for change in together for line in differences(change, found[change.event.pk])])
    for change in changes:
        if change.event.state == CashbackState.PAID:
            book_paid_difference(change, found[change.event.pk])
        event = change.event
        event.original_minor, event.clawed_back_minor, event.correction_minor = (
            change.original_minor,
            change.clawed_back_minor,
            change.correction,
        )
        event.adjustments += 1


def differences(change: Target, sides: Sides) -> Iterable[Entry]:
    """Amendment and clawback of one unpaid event, each in its own direction."""
    event = change.event
    grown = change.original_minor + change.correction - event.original_minor - event.correction_minor
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
    """More is paid at once, but for what was written off before; less is taken out of the wallet as far as it goes."""
    event = change.event
    grown = change.amount_minor - event.amount_minor
    if grown <= 0:
        take_back(event, sides, amount_minor=-grown, reason=numbered(TransferKind.CLAWBACK, event))
        return
    kept = min(grown, event.written_off_minor)  # the buyer still has it
    event.written_off_minor -= kept
    if grown > kept:
        line = entry(
            event,
            debit=sides.accrual,
            credit=sides.available,
            amount_minor=grown - kept,
            reason=numbered(TransferKind.AMENDMENT, event),
        )
        book(entries=[line])


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


@retried
def undo_events(*, events: Sequence[CashbackEvent], reason: str, actor: User | None = None) -> list[CashbackEvent]:
    """The purchases are undone: unpaid cashback is declined, paid cashback taken back."""
    lock_wallets(locked(events))
    declined = decline_events(events=events, actor=actor, reason=reason)
    return declined + reverse_events(events=events, actor=actor, reason=reason)


@retried
def reverse_events(*, events: Sequence[CashbackEvent], reason: str, actor: User | None = None) -> list[CashbackEvent]:
    """Take back cashback that was paid or was about to be. Events in other states are left alone."""
    paid = {event.pk for event in locked(events) if event.state == CashbackState.PAID}
    reversed_ = move_all(events, CashbackState.REVERSED, actor=actor, reason=reason)
    found = lock_wallets(reversed_)
    undo_step([event for event in reversed_ if event.pk not in paid], TransferKind.REVERSAL)
    taken = [event for event in reversed_ if event.pk in paid]
    for event in taken:
        take_back(event, found[event.pk], amount_minor=event.amount_minor, reason=TransferKind.REVERSAL.value)
    CashbackEvent.objects.bulk_update(taken, ["written_off_minor"])
    announce(CashbackReversed, reversed_)
    return reversed_
