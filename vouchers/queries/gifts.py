"""Reads of gifts by their link."""

from datetime import datetime

from coupon_site.errors import DomainError
from vouchers.errors import GiftAlreadyClaimed, GiftCalledOff, GiftNotReady, GiftOver
from vouchers.links import hash_of
from vouchers.models import Gift, GiftState

REFUSALS: dict[GiftState, type[DomainError]] = {
    GiftState.SCHEDULED: GiftNotReady,
    GiftState.CLAIMED: GiftAlreadyClaimed,
    GiftState.REVOKED: GiftCalledOff,
    GiftState.EXPIRED: GiftOver,
}


def gift_of_token(token: str) -> Gift | None:
    """The gift that a link opens, in whatever state it is."""
    return Gift.objects.with_voucher().filter(token_hash=hash_of(token)).first()


def refusal_of(gift: Gift, *, at: datetime) -> DomainError | None:
    """Why a gift can't be opened now; None when it can."""
    refusal = REFUSALS.get(gift.shown_state(at))
    return refusal() if refusal else None
