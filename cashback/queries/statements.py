"""A wallet over a period: what was in it, what moved, what is in it since."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, Sum

from accounts.models import User
from cashback.models import Account, AccountKind, Transfer

CHUNK = 500


class Position(NamedTuple):
    """What lies in a wallet."""

    pending_minor: int
    available_minor: int


class StatementLine(NamedTuple):
    """A transfer as the wallet sees it, and what lies in it after."""

    transfer: Transfer
    pending_minor: int
    available_minor: int
    after: Position


class Statement(NamedTuple):
    """A wallet in one currency, from `since` up to but not including `until`."""

    accounts: dict[str, int]
    currency: str
    since: datetime
    until: datetime
    opening: Position

    def lines(self) -> Iterator[StatementLine]:
        """Every transfer of the period, the oldest first, read in chunks: a statement may be long."""
        mine = list(self.accounts.values())
        rows = Transfer.objects.filter(
            Q(debit__in=mine) | Q(credit__in=mine), created_at__gte=self.since, created_at__lt=self.until
        )
        now = self.opening
        for transfer in rows.order_by("created_at", "id").iterator(chunk_size=CHUNK):
            pending, available = (self.effect(transfer, kind) for kind in (AccountKind.PENDING, AccountKind.AVAILABLE))
            now = Position(now.pending_minor + pending, now.available_minor + available)
            yield StatementLine(transfer, pending, available, now)

    def effect(self, transfer: Transfer, kind: AccountKind) -> int:
        """What a transfer does to one of the accounts."""
        account = self.accounts.get(kind)
        if transfer.credit_id == account:
            return transfer.amount_minor
        return -transfer.amount_minor if transfer.debit_id == account else 0


def statement_over(user: User, *, currency: str, since: datetime, until: datetime) -> Statement:
    """The statement of a period; its lines are read when they are asked for."""
    accounts = dict(Account.objects.filter(owner=user, currency=currency).values_list("kind", "pk"))
    opening = Position(
        *(balance_before(accounts.get(kind), since) for kind in (AccountKind.PENDING, AccountKind.AVAILABLE))
    )
    return Statement(accounts, currency, since, until, opening)


def balance_before(account: int | None, moment: datetime) -> int:
    """What its transfers had come to."""
    total, rows = Sum("amount_minor", default=0), Transfer.objects.filter(created_at__lt=moment)
    if account is None:
        return 0
    into = rows.filter(credit=account).aggregate(total=total)["total"]
    return int(into - rows.filter(debit=account).aggregate(total=total)["total"])
