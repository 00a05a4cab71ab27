"""What a bank's report does to a payout."""

from django.db import transaction
from django.utils import timezone

from cashback.events import PayoutFailed, PayoutPaid
from cashback.models import Payout, PayoutState
from cashback.providers import TransferReport
from cashback.services.payouts.moving import settle, tell
from coupon_site.transitions import move
from payments.errors import ReportMismatch


@transaction.atomic
def apply_report(report: TransferReport) -> bool:
    """Bring the payout where the bank says it is; whether that was news. Raises ReportMismatch."""
    payout = (
        Payout.objects.select_for_update(no_key=True, of=("self",)).select_related("buyer").get(public_id=report.payout)
    )
    if (report.amount_minor, report.currency) != (payout.amount_minor, payout.currency):
        raise ReportMismatch(f"the bank has {report.amount_minor} {report.currency} for it")
    if report.state not in Payout.TRANSITIONS[PayoutState(payout.state)]:
        return False
    if report.state == PayoutState.PAID:
        move(payout, PayoutState.PAID, provider_ref=report.provider_ref, failure_code="", ended_at=timezone.now())
        settle(payout)
        tell(payout, PayoutPaid)
    else:
        move(payout, PayoutState.FAILED, reason=report.failure_code, failure_code=report.failure_code)
        tell(payout, PayoutFailed)
    return True
