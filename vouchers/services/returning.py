"""Gifts that nobody opened: revoked or expired, and back with their givers."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.transitions import move
from events import publish
from orders.models import Order
from vouchers.events import GiftExpired, GiftReturned, GiftRevoked, VoucherExpired
from vouchers.metrics import gifts_expired_total
from vouchers.models import ENDED_GIFTS, Gift, GiftState, VoucherState
from vouchers.services.facts import gift_fact, voucher_fact


@transaction.atomic
def revoke_gift(*, gift: Gift, at: datetime, actor: User | None = None, reason: str = "") -> Gift:
    """Call a gift off that nobody has opened; its giver has the voucher back. Raises IllegalTransition."""
    move(gift, GiftState.REVOKED, actor=actor, reason=reason, revoked_at=at)
    publish(gift_fact(GiftRevoked, gift))
    return_gift(gift=gift, at=at, actor=actor)
    return gift


def revoke_gifts_of(order: Order, *, at: datetime, actor: User | None, reason: str) -> None:
    """Call off an order's gifts that nobody has opened."""
    waiting = Gift.objects.of_order(order.pk).filter(state__in=[GiftState.SCHEDULED, GiftState.SENT])
    for gift in waiting.with_voucher().order_by("id").select_for_update(no_key=True, of=("self",)):
        revoke_gift(gift=gift, at=at, actor=actor, reason=reason)


@transaction.atomic
def expire_gifts(*, at: datetime, limit: int = 100) -> int:
    """End gifts that nobody opened in time, or whose mail never got out; answers how many."""
    overdue = Gift.objects.overdue(at).with_voucher().select_for_update(no_key=True, skip_locked=True, of=("self",))
    gifts = list(overdue[:limit])
    for gift in gifts:
        end = GiftState.EXPIRED if gift.state == GiftState.SENT else GiftState.REVOKED
        move(gift, end, reason="not opened in time" if end == GiftState.EXPIRED else "its mail never got out")
        publish(gift_fact(GiftExpired if end == GiftState.EXPIRED else GiftRevoked, gift))
        if end == GiftState.EXPIRED:
            transaction.on_commit(gifts_expired_total.labels(mode=gift.mode).inc)
        return_gift(gift=gift, at=at)
    return len(gifts)


@transaction.atomic
def return_gift(*, gift: Gift, at: datetime, actor: User | None = None) -> Gift:
    """Its giver can use the voucher again. One whose last day is over ends here instead, and nothing is returned.

    Raises IllegalTransition unless the gift was revoked or has expired.
    """
    voucher = gift.voucher
    if gift.state not in ENDED_GIFTS:
        raise IllegalTransition(f"A gift that is {gift.state} can't be returned.", state=str(gift.state))
    if voucher.expires_at <= at:
        move(voucher, VoucherState.EXPIRED, reason="its last day is over")
        publish(voucher_fact(VoucherExpired, voucher))
        return gift
    move(gift, GiftState.RETURNED, actor=actor)
    move(voucher, VoucherState.ACTIVE, actor=actor, reason="the gift was returned")
    publish(gift_fact(GiftReturned, gift))
    return gift
