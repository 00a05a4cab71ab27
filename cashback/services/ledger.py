"""The one way money moves in the wallet."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from cashback.errors import AlreadyReversed, InsufficientFunds, TransferConflict
from cashback.metrics import wallet_transactions_total
from cashback.models import Account, AccountKind, Transfer
from coupon_site.identifiers import uuid7

INSERT = """
INSERT INTO cashback_transfer
    (public_id, debit_id, credit_id, amount_minor, source_type, source_id, reason, reverses_id, created_at)
SELECT entry.*, clock_timestamp() FROM unnest(
    %(ids)s::uuid[], %(debits)s::bigint[], %(credits)s::bigint[], %(amounts)s::bigint[],
    %(source_types)s::text[], %(source_ids)s::uuid[], %(reasons)s::text[], %(reverses)s::bigint[]
) AS entry
ON CONFLICT (source_type, source_id, reason) DO NOTHING
RETURNING public_id
"""

# Without `overdraw`, money that isn't there can't be spent, even where a reversal may go below zero.
MOVE_BALANCES = """
UPDATE cashback_account AS account SET balance_minor = account.balance_minor + change.delta
FROM unnest(%(accounts)s::bigint[], %(deltas)s::bigint[], %(overdraws)s::bool[]) AS change (account_id, delta, overdraw)
WHERE account.id = change.account_id AND (
    change.delta >= 0
    OR account.balance_minor + change.delta >=
        CASE WHEN change.overdraw THEN account.floor_minor ELSE greatest(account.floor_minor, 0) END
)
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A transfer to be booked. `overdraw` lets it take the debited account down to its floor instead of to zero."""

    debit: Account
    credit: Account
    amount_minor: int
    source_type: str
    source_id: UUID
    reason: str
    reverses: Transfer | None = None
    overdraw: bool = False
    public_id: UUID = field(default_factory=uuid7)

    @property
    def kind(self) -> str:
        return self.reason.partition(".")[0]


def transfer(  # noqa: PLR0913  a transfer has two sides, an amount and a cause
    *,
    debit: Account,
    credit: Account,
    amount_minor: int,
    source_type: str,
    source_id: UUID,
    reason: str,
    reverses: Transfer | None = None,
    overdraw: bool = False,
) -> Transfer:
    """Move money; the same source and reason again answers with the transfer that exists.

    Raises InsufficientFunds, TransferConflict when it exists with other figures, AlreadyReversed.
    """
    entry = Entry(
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        source_type=source_type,
        source_id=source_id,
        reason=reason,
        reverses=reverses,
        overdraw=overdraw,
    )
    book(entries=[entry])
    return existing(entry)


@transaction.atomic
def book(*, entries: Sequence[Entry]) -> int:
    """Book many transfers in a constant number of statements; answers how many were new. All or none of the new ones.

    Raises InsufficientFunds, AlreadyReversed.
    """
    if not entries:
        return 0
    if any(entry.debit.currency != entry.credit.currency for entry in entries):
        raise ValueError("a transfer stays in one currency")
    lock([account.pk for entry in entries for account in (entry.debit, entry.credit) if not account.is_platform])
    new = insert(entries)
    try:
        move_balances(new)
    except InsufficientFunds:
        count(new, status="refused")
        raise
    transaction.on_commit(lambda: count(new, status="booked"))
    return len(new)


def lock(account_ids: Iterable[int]) -> None:
    """Users' accounts in the order of their ids, so that no two bookings wait for each other."""
    rows = Account.objects.filter(pk__in=set(account_ids)).order_by("pk").select_for_update(no_key=True)
    len(rows.values_list("pk"))


def insert(entries: Sequence[Entry]) -> list[Entry]:
    """Write the rows; the entries that were not there yet."""
    values: dict[str, Any] = {
        "ids": [entry.public_id for entry in entries],
        "debits": [entry.debit.pk for entry in entries],
        "credits": [entry.credit.pk for entry in entries],
        "amounts": [entry.amount_minor for entry in entries],
        "source_types": [entry.source_type for entry in entries],
        "source_ids": [entry.source_id for entry in entries],
        "reasons": [entry.reason for entry in entries],
        "reverses": [entry.reverses.pk if entry.reverses else None for entry in entries],
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(INSERT, values)
            written = {row[0] for row in cursor.fetchall()}
    except IntegrityError as error:
        if "reverses" in str(error):
            raise AlreadyReversed from error
        raise
    return [entry for entry in entries if entry.public_id in written]


def move_balances(entries: Iterable[Entry]) -> None:
    """One conditional UPDATE; fewer rows than accounts means that one of them lacks the money."""
    deltas: Counter[int] = Counter()
    strict: set[int] = set()
    for entry in entries:
        for account, amount in ((entry.debit, -entry.amount_minor), (entry.credit, entry.amount_minor)):
            if not account.is_platform:
                deltas[account.pk] += amount
        if not entry.overdraw:
            strict.add(entry.debit.pk)
    ids = sorted(deltas)
    values: dict[str, Any] = {
        "accounts": ids,
        "deltas": [deltas[pk] for pk in ids],
        "overdraws": [pk not in strict for pk in ids],
    }
    with connection.cursor() as cursor:
        cursor.execute(MOVE_BALANCES, values)
        if cursor.rowcount != len(ids):
            raise InsufficientFunds


def count(entries: Iterable[Entry], *, status: str) -> None:
    for kind, number in Counter(entry.kind for entry in entries).items():
        wallet_transactions_total.labels(kind=kind, status=status).inc(number)


def existing(entry: Entry) -> Transfer:
    """The row of an entry, whoever wrote it."""
    row = Transfer.objects.get(source_type=entry.source_type, source_id=entry.source_id, reason=entry.reason)
    if (row.debit_id, row.credit_id, row.amount_minor) != (entry.debit.pk, entry.credit.pk, entry.amount_minor):
        raise TransferConflict(f"{entry.reason} of {entry.source_type} {entry.source_id}")
    return row


Wallets = dict[tuple[int, str], Account]


@transaction.atomic
def open_wallets(*, owners: Iterable[User], currency: str) -> Wallets:
    """The accounts of users in a currency, made where they are missing: (user's pk, kind) → account."""
    people = {owner.pk: owner for owner in owners}
    wanted = [
        Account(owner=owner, kind=kind, currency=currency, balance_minor=0, floor_minor=floor_of(kind))
        for _, owner in sorted(people.items())
        for kind in (AccountKind.PENDING, AccountKind.AVAILABLE)
    ]
    rows = find_wallets(people, currency)
    if len(rows) < len(wanted):
        Account.objects.bulk_create(
            [account for account in wanted if key_of(account) not in rows], ignore_conflicts=True
        )
        rows = find_wallets(people, currency)
    return rows


def floor_of(kind: AccountKind) -> int:
    """How deep a new account may be taken by reversals."""
    return -settings.CASHBACK_REVERSAL_DEPTH_MINOR if kind == AccountKind.AVAILABLE else 0


def find_wallets(people: Iterable[int], currency: str) -> Wallets:
    return {key_of(account): account for account in Account.objects.filter(owner__in=list(people), currency=currency)}


def key_of(account: Account) -> tuple[int, str]:
    return (account.owner_id or 0, account.kind)


@transaction.atomic
def platform_account(*, kind: AccountKind, currency: str) -> Account:
    """The platform's account of a kind, made when it is first needed."""
    account, _ = Account.objects.get_or_create(owner=None, kind=kind, currency=currency)
    return account
