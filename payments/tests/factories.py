"""Rows and reports to begin with."""

from itertools import count
from typing import Any
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from coupon_site.identifiers import uuid7
from payments.models import Payment, PaymentState, ProviderName, Refund, RefundState
from payments.providers import ChargeReport, RefundReport

_numbers = count(1)


def new_payment(payer: User, **fields: Any) -> Payment:
    """A payment of 20.00 GBP that its provider has not heard of yet."""
    terms = {"provider": "sandbox", "amount_minor": 2000, "currency": "GBP", "method": "card", "reference": uuid7()}
    return Payment.objects.create(payer=payer, **{"poll_at": timezone.now(), **terms, **fields})


def captured(payer: User, **fields: Any) -> Payment:
    """A payment whose money is here."""
    money = {"state": PaymentState.CAPTURED, "captured_minor": 2000, "captured_at": timezone.now()}
    return new_payment(payer, provider_ref=f"sbx_ch_no_{next(_numbers)}", **{**money, **fields})


def charge_report(payment: Payment, state: PaymentState = PaymentState.CAPTURED, **fields: Any) -> ChargeReport:
    """What a provider says of a charge; of a captured one, that it is captured whole."""
    defaults: dict[str, Any] = {
        "provider": ProviderName.SANDBOX,
        "payment": payment.public_id,
        "provider_ref": payment.provider_ref or f"sbx_ch_{payment.pk}",
        "currency": payment.currency,
        "captured_minor": payment.amount_minor if state == PaymentState.CAPTURED else 0,
    }
    return ChargeReport(state=state, **{**defaults, **fields})


def refund_report(refund: Refund, state: RefundState = RefundState.DONE, failure_code: str = "") -> RefundReport:
    return RefundReport(
        provider=ProviderName.SANDBOX,
        refund=refund.public_id,
        provider_ref=f"sbx_re_{refund.pk}",
        state=state,
        failure_code=failure_code,
    )


def unknown_report() -> ChargeReport:
    """A charge that is not ours."""
    return ChargeReport(
        provider=ProviderName.SANDBOX, payment=uuid4(), provider_ref="x", state=PaymentState.CAPTURED, currency="GBP"
    )
