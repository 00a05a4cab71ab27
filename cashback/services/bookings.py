"""Which transfers a step of a cashback event causes."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from cashback.models import Account, AccountKind, CashbackEvent, Transfer, TransferKind
from cashback.services.ledger import Entry, Wallets, book, lock, open_wallets, platform_account

SOURCE = "cashback_event"


class Sides(NamedTuple):
    """The accounts that one event's money moves between."""

    accrual: Account
    pending: Account
    available: Account


Side = Callable[[Sides], Account]
ACCRUAL: Side = attrgetter("accrual")
PENDING: Side = attrgetter("pending")
AVAILABLE: Side = attrgetter("available")


def sides_of(events: Iterable[CashbackEvent]) -> dict[int, Sides]:
    """Event's pk → its accounts, in a few statements per currency."""
    found: dict[int, Sides] = {}
    by_currency = attrgetter("currency")
    for currency, same in groupby(sorted(events, key=by_currency), key=by_currency):
        group = list(same)
        wallets = open_wallets(owners=[event.buyer for event in group], currency=currency)
        accrual = platform_account(kind=AccountKind.ACCRUAL, currency=currency)
        found |= {event.pk: sides(event, wallets, accrual) for event in group}
    return found


def lock_wallets(events: Iterable[CashbackEvent]) -> dict[int, Sides]:
    """The same, locked all at once: whoever books in several steps must not wait for a wallet in between."""
    found = sides_of(events)
    lock([account.pk for each in found.values() for account in (each.pending, each.available)])
    return found


def sides(event: CashbackEvent, wallets: Wallets, accrual: Account) -> Sides:
    return Sides(
        accrual=accrual,
        pending=wallets[event.buyer_id, AccountKind.PENDING],
        available=wallets[event.buyer_id, AccountKind.AVAILABLE],
    )


def entry(  # noqa: PLR0913  a transfer has two sides, an amount and a reason
    event: CashbackEvent,
    *,
    debit: Account,
    credit: Account,
    amount_minor: int,
    reason: str,
    reverses: Transfer | None = None,
) -> Entry:
    """A transfer that the event causes."""
    return Entry(
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        source_type=SOURCE,
        source_id=event.public_id,
        reason=reason,
        reverses=reverses,
        overdraw=True,  # what a reversal may take is decided before; spending goes another way
    )


def book_step(events: Sequence[CashbackEvent], kind: TransferKind, *, debit: Side, credit: Side) -> None:
    """Move each event's whole amount from one of its accounts to another."""
    found = sides_of(events)
    book(
        entries=[
            entry(
                event,
                debit=debit(found[event.pk]),
                credit=credit(found[event.pk]),
                amount_minor=event.amount_minor,
                reason=kind.value,
            )
            for event in events
            if event.amount_minor
        ]
    )


def undo_step(events: Sequence[CashbackEvent], kind: TransferKind) -> None:
    """Move what lies in `pending` for each event back to the platform, closing the transfer that opened it."""
    found, first = sides_of(events), transfers_of(events, TransferKind.ACCRUAL)
    book(
        entries=[
            entry(
                event,
                debit=found[event.pk].pending,
                credit=found[event.pk].accrual,
                amount_minor=event.amount_minor,
                reason=kind.value,
                reverses=first.get(event.public_id),
            )
            for event in events
            if event.amount_minor
        ]
    )


def transfers_of(events: Iterable[CashbackEvent], kind: TransferKind) -> dict[object, Transfer]:
    """Event's public id → its transfer of a kind that happens once."""
    ids = [event.public_id for event in events]
    rows = Transfer.objects.filter(source_type=SOURCE, source_id__in=ids, reason=kind.value)
    return {row.source_id: row for row in rows}
