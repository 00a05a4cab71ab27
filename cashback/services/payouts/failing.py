"""What people do with a payout that failed: send it again, or give the money back."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from cashback.events import PayoutProcessing, PayoutReturned
from cashback.models import Payout, PayoutState
from cashback.providers import bank
from cashback.services.payouts.moving import give_back, tell
from cashback.services.payouts.sending import send_payout
from coupon_site.errors import IllegalTransition
from coupon_site.transitions import move
from events import enqueue


@transaction.atomic
def retry_payout(*, payout: Payout, actor: User, reason: str = "") -> Payout:
    """Send a failed payout again, under the key it has. Raises IllegalTransition for any other."""
    keep_failed(payout)
    move(payout, PayoutState.PROCESSING, actor=actor, reason=reason or "sent again", failure_code="", sent_at=None)
    enqueue(send_payout, {"payout": payout.public_id})
    tell(payout, PayoutProcessing)
    return payout


def return_payout(*, payout: Payout, actor: User, at: datetime, reason: str) -> Payout:
    """Give up a failed payout: its money goes back into the wallet.

    Raises IllegalTransition for any other, and when the bank has paid it after all; ProviderUnavailable when it can't
    be asked.
    """
    report = bank().look_up(payout)
    if report is not None and report.state != PayoutState.FAILED:
        raise IllegalTransition(
            "the bank is paying it after all: send it again, and it will be settled", state="failed"
        )
    return take_back(payout, actor=actor, at=at, reason=reason)


@transaction.atomic
def take_back(payout: Payout, *, actor: User, at: datetime, reason: str) -> Payout:
    move(payout, PayoutState.RETURNED, actor=actor, reason=reason, ended_at=at)
    give_back(payout)
    tell(payout, PayoutReturned)
    return payout


def keep_failed(payout: Payout) -> None:
    """Raises IllegalTransition unless it failed: `processing` also follows on an approval."""
    state = Payout.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=payout.pk)
    if state != PayoutState.FAILED:
        raise IllegalTransition(f"the payout is {state}, only a failed one is sent again", state=state)
