"""A second person's yes or no."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from cashback.errors import SecondPersonNeeded
from cashback.events import PayoutApproved, PayoutRejected
from cashback.models import Payout, PayoutState
from cashback.services.payouts.moving import give_back, tell
from cashback.services.payouts.sending import send_payout
from coupon_site.transitions import move
from events import enqueue


@transaction.atomic
def approve_payout(*, payout: Payout, actor: User, at: datetime, reason: str = "") -> Payout:
    """Let a payout go. Raises SecondPersonNeeded, IllegalTransition."""
    if actor.pk in (payout.requested_by_id, payout.buyer_id):
        raise SecondPersonNeeded("Nobody approves a payout that they asked for, or that is their own")
    move(payout, PayoutState.APPROVED, actor=actor, reason=reason, approved_by=actor, approved_at=at)
    enqueue(send_payout, {"payout": payout.public_id})
    tell(payout, PayoutApproved)
    return payout


@transaction.atomic
def reject_payout(*, payout: Payout, actor: User, at: datetime, reason: str) -> Payout:
    """The money goes back into the wallet. Raises IllegalTransition."""
    move(payout, PayoutState.REJECTED, actor=actor, reason=reason, ended_at=at)
    give_back(payout)
    tell(payout, PayoutRejected)
    return payout
