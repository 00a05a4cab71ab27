"""Carrying payouts to the bank."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from cashback.errors import BankUnreachable
from cashback.events import PayoutProcessing, PayoutUnknown
from cashback.models import Payout, PayoutState
from cashback.providers import TransferReport, bank
from cashback.services.payouts.moving import tell
from cashback.services.payouts.reporting import apply_report
from coupon_site.transitions import move
from events import task
from events.errors import Defer
from events.models import OutboxMessage
from payments.errors import ProviderRefused, ProviderUnavailable
from payments.queries import next_poll

RETRY_SECONDS = 10


@task(transactional=False)
def send_payout(message: OutboxMessage) -> None:
    """Ask the bank once. Whoever finds that it was asked already leaves the rest to the poll."""
    payout = Payout.objects.select_related("buyer").get(public_id=message.payload["payout"])
    if claim(payout, at=timezone.now()):
        deliver(payout)


@transaction.atomic
def claim(payout: Payout, *, at: datetime) -> bool:
    """Note that the bank is about to be asked; False when somebody has noted it before, dead or alive."""
    now = Payout.objects.select_for_update(no_key=True).get(pk=payout.pk)
    if now.state == PayoutState.APPROVED:
        move(payout, PayoutState.PROCESSING)
        tell(payout, PayoutProcessing)
    elif now.state != PayoutState.PROCESSING or now.sent_at is not None:
        return False
    Payout.objects.filter(pk=payout.pk).update(sent_at=at, polls=0, poll_at=next_poll(at=at, polls=0))
    return True


def deliver(payout: Payout) -> None:
    """One call. Without an answer nobody knows whether the money went: that is to be asked, not tried again."""
    try:
        report = bank().send(payout)
    except BankUnreachable as error:
        Payout.objects.filter(pk=payout.pk, state=PayoutState.PROCESSING).update(sent_at=None)
        raise Defer(RETRY_SECONDS, str(error)) from error
    except ProviderUnavailable as error:
        lose_sight(payout, reason=str(error))
    except ProviderRefused:
        apply_report(refused(payout))
    else:
        apply_report(report)


@transaction.atomic
def lose_sight(payout: Payout, *, reason: str) -> None:
    """Nobody knows where the money is, unless somebody has found out meanwhile."""
    now = Payout.objects.select_for_update(no_key=True).get(pk=payout.pk)
    if now.state == PayoutState.PROCESSING:
        move(payout, PayoutState.UNKNOWN, reason=reason)
        tell(payout, PayoutUnknown)


def refused(payout: Payout, code: str = "refused") -> TransferReport:
    """The bank will not, or has never, paid it."""
    return TransferReport(
        payout=payout.public_id,
        provider_ref="",
        state=PayoutState.FAILED,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        failure_code=code,
    )
