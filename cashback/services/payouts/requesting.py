"""Asking for a payout."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import User
from cashback.errors import PayoutKeyReused, PayoutTooSmall
from cashback.events import PayoutRequested
from cashback.models import Payout
from cashback.services.payouts.moving import set_aside, tell
from cashback.services.wallets import hold_wallet


@transaction.atomic
def request_payout(  # noqa: PLR0913  who asks for whom, for how much, where to, once
    *, buyer: User, amount_minor: int, currency: str, destination: str, key: str, actor: User, at: datetime
) -> Payout:
    """Set money of a wallet aside to be paid out; the same `key` is the same payout.

    Raises PayoutTooSmall, InsufficientFunds, PayoutKeyReused when the key stands for another payout.
    """
    if amount_minor < settings.PAYOUT_MINIMUM_MINOR:
        raise PayoutTooSmall(least_minor=settings.PAYOUT_MINIMUM_MINOR)
    available = hold_wallet(buyer, currency=currency)
    if known := Payout.objects.filter(key=key).first():
        return same_payout(known, buyer=buyer, amount_minor=amount_minor, currency=currency, destination=destination)
    payout = Payout.objects.create(
        buyer=buyer,
        amount_minor=amount_minor,
        currency=currency,
        destination=destination,
        key=key,
        requested_by=actor,
        requested_at=at,
    )
    set_aside(payout, available)
    tell(payout, PayoutRequested)
    return payout


def same_payout(known: Payout, **asked: object) -> Payout:
    """What the key stood for before, if it is what is asked for now."""
    if any(getattr(known, name) != value for name, value in asked.items()):
        raise PayoutKeyReused(payout=known.public_id)
    return known
