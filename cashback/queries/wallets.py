"""What a user's wallet shows."""

from typing import NamedTuple

from django.db.models import Q, Sum

from accounts.models import User
from cashback.models import Account, AccountKind, Transfer, TransferQuerySet


class Balance(NamedTuple):
    """A wallet in one currency."""

    currency: str
    pending_minor: int
    available_minor: int

    @property
    def debt_minor(self) -> int:
        """What was taken back after it had been spent, and is owed."""
        return max(-self.available_minor, 0)


def balances_of(user: User) -> list[Balance]:
    """A user's balances, by currency."""
    found: dict[str, dict[str, int]] = {}
    for currency, kind, minor in Account.objects.filter(owner=user).values_list("currency", "kind", "balance_minor"):
        found.setdefault(currency, {})[kind] = minor or 0
    return [
        Balance(currency, kinds.get(AccountKind.PENDING, 0), kinds.get(AccountKind.AVAILABLE, 0))
        for currency, kinds in sorted(found.items())
    ]


def transfers_of(user: User) -> TransferQuerySet:
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


class Totals(NamedTuple):
    """What all wallets in one currency come to. `debt_minor` is what customers owe, in `available_minor` already."""

    currency: str
    pending_minor: int
    available_minor: int
    debt_minor: int
    clearing_minor: int


def totals() -> list[Totals]:
    """The sums of all wallets, by currency, and what open payouts have set aside."""
    kept, owed = Q(kind=AccountKind.AVAILABLE), Q(kind=AccountKind.AVAILABLE, balance_minor__lt=0)
    sums = (
        Account.objects.filter(owner__isnull=False)
        .values_list("currency")
        .annotate(
            pending=Sum("balance_minor", filter=Q(kind=AccountKind.PENDING), default=0),
            available=Sum("balance_minor", filter=kept, default=0),
            debt=-Sum("balance_minor", filter=owed, default=0),
        )
        .order_by("currency")
    )
    return [
        Totals(
            currency, pending, available, debt, platform_balance(kind=AccountKind.PAYOUT_CLEARING, currency=currency)
        )
        for currency, pending, available, debt in sums
    ]
