"""What a user's wallet shows."""

from typing import NamedTuple

from django.db.models import Sum

from accounts.models import User
from cashback.models import Account, AccountKind, Transfer, TransferQuerySet


class Balance(NamedTuple):
    """A wallet in one currency."""

    currency: str
    pending_minor: int
    available_minor: int


def balances_of(user: User) -> list[Balance]:
    """A user's balances, by currency."""
    found: dict[str, dict[str, int]] = {}
    for currency, kind, minor in Account.objects.filter(owner=user).values_list("currency", "kind", "balance_minor"):
        found.setdefault(currency, {})[kind] = minor or 0
    return [
        Balance(currency, kinds.get(AccountKind.PENDING, 0), kinds.get(AccountKind.AVAILABLE, 0))
        for currency, kinds in sorted(found.items())
    ]


def statement_of(user: User) -> TransferQuerySet:
    """Every transfer that touched a user's wallet, the latest first."""
    return Transfer.objects.of_owner(user).select_related("debit", "credit")


def platform_balance(*, kind: str, currency: str) -> int:
    """What went into an account of the platform less what came out: it keeps no balance of its own."""
    account = Account.objects.filter(owner=None, kind=kind, currency=currency).first()
    if account is None:
        return 0
    total = Sum("amount_minor", default=0)
    into = Transfer.objects.filter(credit=account).aggregate(total=total)["total"]
    return int(into - Transfer.objects.filter(debit=account).aggregate(total=total)["total"])
