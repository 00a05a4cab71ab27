"""Telling providers what the site has decided about a payment."""

from events import task
from events.errors import Defer
from events.models import OutboxMessage
from payments.errors import ProviderRefused, ProviderUnavailable
from payments.models import Decision, Payment, PaymentState
from payments.providers import ChargeReport, adapter_of
from payments.services.charge_outcomes import apply_charge

RETRY_SECONDS = 5


@task(transactional=False)
def carry_out(message: OutboxMessage) -> None:
    """Capture or let go, as decided; while the provider is away, wait for it."""
    payment = Payment.objects.get(public_id=message.payload["payment"])
    decision = Decision(message.payload["decision"])
    if is_moot(payment, decision):
        return
    try:
        report = tell_provider(payment, decision)
    except ProviderUnavailable as error:
        raise Defer(RETRY_SECONDS, str(error)) from error
    if report is not None:
        apply_charge(report)


def is_moot(payment: Payment, decision: Decision) -> bool:
    """Whether nothing is left to do: it is captured, or over."""
    if decision == Decision.CAPTURE:
        return payment.state != PaymentState.AUTHORIZED
    return payment.captured_minor > 0


def tell_provider(payment: Payment, decision: Decision) -> ChargeReport | None:
    """What came of it; where the provider says no, what the charge is now. None: it never heard of the payment."""
    adapter = adapter_of(payment.provider)
    try:
        return adapter.capture(payment) if decision == Decision.CAPTURE else adapter.void(payment)
    except ProviderRefused:
        return adapter.look_up(payment)
