"""A wallet, taken by itself."""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from cashback.models import Account, AccountKind, Transfer, TransferKind
from cashback.services.ledger import lock, open_wallets, platform_account, transfer
from coupon_site.deadlocks import retried
from coupon_site.models import StateChange
from coupon_site.tracing import request_id


def wallet_of(owner: User, *, currency: str) -> Account:
    """What a user can spend in a currency."""
    return open_wallets(owners=[owner], currency=currency)[owner.pk, AccountKind.AVAILABLE]


@transaction.atomic
def hold_wallet(owner: User, *, currency: str) -> Account:
    """The same, for this transaction alone."""
    account = wallet_of(owner, currency=currency)
    lock([account.pk])
    return account


@retried
def adjust_wallet(  # noqa: PLR0913  who, what, how much, why and once
    *, owner: User, amount_minor: int, currency: str, reason: str, actor: User, key: UUID
) -> Transfer:
    """Finance gives a customer money, or takes it (`amount_minor` below zero); the same `key` is the same adjustment.

    Raises InsufficientFunds, TransferConflict.
    """
    if not amount_minor:
        raise ValueError("an adjustment changes something")
    platform = platform_account(kind=AccountKind.ADJUSTMENT, currency=currency)
    available = wallet_of(owner, currency=currency)
    debit, credit = (platform, available) if amount_minor > 0 else (available, platform)
    booked = transfer(
        debit=debit,
        credit=credit,
        amount_minor=abs(amount_minor),
        source_type="adjustment",
        source_id=key,
        reason=TransferKind.ADJUSTMENT.value,
    )
    note(booked, actor=actor, reason=reason)
    return booked


def note(adjustment: Transfer, *, actor: User, reason: str) -> None:
    """Who did it and why, once."""
    model = Transfer._meta.label_lower
    StateChange.objects.get_or_create(
        model=model,
        object_id=adjustment.public_id,
        defaults={
            "from_state": "",
            "to_state": "adjusted",
            "actor": actor,
            "reason": reason[:200],
            "request_id": request_id.get(),
        },
    )
