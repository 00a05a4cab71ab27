"""Opening a gift: whoever is first has it."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from coupon_site.transitions import move, record_change
from events import publish
from vouchers.codes import new_code
from vouchers.errors import GiftUnknown
from vouchers.events import GiftClaimed
from vouchers.metrics import gift_claim_duration_seconds, gifts_claimed_total
from vouchers.models import Gift, GiftState, VoucherState
from vouchers.queries import gift_of_token, refusal_of
from vouchers.services.facts import gift_fact


@transaction.atomic
def claim_gift(*, token: str, claimer: User | None, at: datetime) -> Gift:
    """Open a gift by its link; `claimer` None is whoever has the link.

    The voucher gets a new code: the giver may know the old one.
    Raises GiftUnknown, GiftNotReady, GiftAlreadyClaimed, GiftCalledOff, GiftOver.
    """
    gift = gift_of_token(token)
    if gift is None:
        raise GiftUnknown
    if not take(gift, claimer=claimer, at=at):
        gift.refresh_from_db(fields=["state", "revoked_at"])
        raise refusal_of(gift, at=at) or GiftUnknown  # unknown: the link was renewed meanwhile
    hand_over(gift, claimer=claimer)
    publish(gift_fact(GiftClaimed, gift))
    transaction.on_commit(lambda: count(gift, at))
    return gift


def take(gift: Gift, *, claimer: User | None, at: datetime) -> bool:
    """One conditional UPDATE: the row count says who was first."""
    waiting = Gift.objects.filter(pk=gift.pk, token_hash=gift.token_hash, state=GiftState.SENT, expires_at__gt=at)
    if not waiting.update(state=GiftState.CLAIMED, claimed_by=claimer, claimed_at=at):
        return False
    gift.state, gift.claimed_by, gift.claimed_at = GiftState.CLAIMED, claimer, at
    record_change(gift, before=GiftState.SENT, to=GiftState.CLAIMED, actor=claimer, reason="opened by its link")
    return True


def hand_over(gift: Gift, *, claimer: User | None) -> None:
    """The voucher is the receiver's, and can be used."""
    move(gift.voucher, VoucherState.ACTIVE, actor=claimer, reason="the gift was opened", owner=claimer, code=new_code())


def count(gift: Gift, at: datetime) -> None:
    gifts_claimed_total.labels(mode=gift.mode).inc()
    gift_claim_duration_seconds.observe((at - (gift.sent_at or at)).total_seconds())
