"""What providers report, by webhook or when asked: one way in, whatever arrives twice, late or in the wrong order."""

from typing import NamedTuple

from django.db import transaction

from payments.models import Payment, PaymentState, ProviderName
from payments.providers import ChargeReport, DisputeReport, ProviderEvent, RefundReport
from payments.services.charge_outcomes import apply_charge
from payments.services.dispute_outcomes import apply_dispute
from payments.services.refund_outcomes import apply_refund


class Applied(NamedTuple):
    """The payment after a report, and whether the report was news."""

    payment: Payment
    is_news: bool


def apply_payment_event(*, event: ProviderEvent) -> Payment:
    """Take in what a provider reports; what is older than what we know changes nothing.

    Raises Payment.DoesNotExist or Refund.DoesNotExist for what is not ours, ReportMismatch for what can't be true.
    """
    return apply_report(event=event).payment


@transaction.atomic
def apply_report(*, event: ProviderEvent) -> Applied:
    """The same, telling whether it was news."""
    match event:
        case ChargeReport():
            return Applied(*apply_charge(event))
        case RefundReport():
            return Applied(*apply_refund(event))
        case DisputeReport():
            return Applied(*apply_dispute(event))


def ended_report(payment: Payment, state: PaymentState, why: str) -> ChargeReport:
    """What the site itself knows of a charge that the provider has not, and won't have."""
    return ChargeReport(
        provider=ProviderName(payment.provider),
        payment=payment.public_id,
        provider_ref="",
        state=state,
        currency=payment.currency,
        failure_code=why,
    )
