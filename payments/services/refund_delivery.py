"""Carrying refunds to their provider."""

from django.utils import timezone

from coupon_site.transitions import move
from events import task
from events.errors import Defer
from events.models import OutboxMessage
from payments.errors import ProviderRefused, ProviderUnavailable
from payments.models import Refund, RefundState
from payments.providers import RefundReport, adapter_of
from payments.queries import next_poll
from payments.services.refund_outcomes import apply_refund

RETRY_SECONDS = 10


@task(transactional=False)
def send_refund(message: OutboxMessage) -> None:
    """Ask the provider to send the money back; while it is away, wait for it."""
    refund = Refund.objects.select_related("payment").get(public_id=message.payload["refund"])
    if refund.state == RefundState.CREATED:
        # Before the call, so that a report that overtakes the answer finds the refund on its way.
        move(refund, RefundState.IN_TRANSIT, poll_at=next_poll(at=timezone.now(), polls=0))
    elif refund.state == RefundState.IN_TRANSIT and was_sent(refund):
        return
    if refund.state == RefundState.IN_TRANSIT:
        deliver(refund)


def was_sent(refund: Refund) -> bool:
    """Whether an earlier call reached the provider after all: its memory for our keys may be shorter than ours."""
    try:
        report = adapter_of(refund.payment.provider).look_up_refund(refund)
    except ProviderUnavailable as error:
        raise Defer(RETRY_SECONDS, str(error)) from error
    if report is not None:
        apply_refund(report)
    return report is not None


def deliver(refund: Refund) -> None:
    """One call, which the provider knows again by the refund's id."""
    adapter = adapter_of(refund.payment.provider)
    try:
        report = adapter.refund(refund)
    except ProviderUnavailable as error:
        raise Defer(RETRY_SECONDS, str(error)) from error
    except ProviderRefused:
        report = RefundReport(
            provider=adapter.name,
            refund=refund.public_id,
            provider_ref="",
            state=RefundState.FAILED,
            failure_code="refused",
        )
    apply_refund(report)
