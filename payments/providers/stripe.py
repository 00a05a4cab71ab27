"""The adapter of Stripe: PaymentIntents, refunds and disputes through Stripe's own library. Safe for threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import stripe
from django.conf import settings

from coupon_site.upstream import request_to
from payments.errors import ProviderRefused, ProviderUnavailable
from payments.models import CaptureMode, Dispute, Payment, PaymentState, ProviderName, Refund
from payments.providers.interface import ChargeReport, DisputeReport, ProviderEvent, RefundReport
from payments.providers.stripe_amounts import to_stripe
from payments.providers.stripe_reports import charge_report, dispute_report, refund_report, report_of_event
from payments.signatures import verify_by_stripe

# `card`: the payer gives the card to Stripe in their browser. A payment method's id (`pm_…`): charged at once.
METHODS: Final = ("card", "card_authorize")
METHOD_PREFIX: Final = "pm_"
PAGE: Final = 100


class CountedClient(stripe.RequestsClient):
    """Stripe's way out, counted."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        with request_to("stripe") as answered:
            answer = super().request(*args, **kwargs)
            answered(answer[1])
        return answer


class StripeProvider:
    """Charges, refunds and disputes at Stripe. Our ids are the idempotency keys, and in the metadata of everything."""

    name: ProviderName = ProviderName.STRIPE
    methods: tuple[str, ...] = METHODS
    reopens_failed = True

    def __init__(self) -> None:
        # Its sessions are one per thread. Whoever calls tries again by itself, later.
        http = CountedClient(timeout=settings.PROVIDER_TIMEOUT_SECONDS)
        self.api = stripe.StripeClient(
            settings.STRIPE_SECRET_KEY,
            base_addresses={"api": settings.STRIPE_API_BASE},
            http_client=http,
            max_network_retries=0,
        ).v1

    def accepts(self, method: str) -> bool:
        return method in self.methods or method.startswith(METHOD_PREFIX)

    def verify(self, *, body: bytes, signature: str, at: float) -> None:
        verify_by_stripe(signature, body, secrets=settings.STRIPE_WEBHOOK_SECRETS, at=at)

    def charge(self, payment: Payment) -> ChargeReport:
        with answers():
            try:
                intent = self.api.payment_intents.create(wish(payment), {"idempotency_key": str(payment.public_id)})
            except stripe.CardError as declined:
                return declined_report(payment, declined)
        return known(intent.to_dict(), payment)

    def look_up(self, payment: Payment) -> ChargeReport | None:
        if not payment.provider_ref:
            return self.search(payment)
        with answers():
            intent = self.api.payment_intents.retrieve(payment.provider_ref)
        return known(intent.to_dict(), payment)

    def search(self, payment: Payment) -> ChargeReport | None:
        """A charge whose beginning never reached us. Stripe's index may be a minute behind."""
        with answers():
            found = self.api.payment_intents.search({"query": f"metadata['payment']:'{payment.public_id}'"})
        return known(found.data[0].to_dict(), payment) if found.data else None

    def capture(self, payment: Payment) -> ChargeReport:
        with answers():
            intent = self.api.payment_intents.capture(
                payment.provider_ref, options={"idempotency_key": f"{payment.public_id}:capture"}
            )
        return known(intent.to_dict(), payment)

    def void(self, payment: Payment) -> ChargeReport | None:
        ref = payment.provider_ref
        if not ref:
            found = self.search(payment)
            if found is None:
                return None
            ref = found.provider_ref
        with answers():
            intent = self.api.payment_intents.cancel(ref, options={"idempotency_key": f"{payment.public_id}:void"})
        return known(intent.to_dict(), payment)

    def refund(self, refund: Refund) -> RefundReport:
        amount = to_stripe(refund.amount_minor, refund.payment.currency)
        with answers():
            made = self.api.refunds.create(
                {
                    "payment_intent": refund.payment.provider_ref,
                    "amount": amount,
                    "metadata": {"refund": str(refund.public_id), "attempt": str(refund.attempt)},
                },
                {"idempotency_key": refund.attempt_key},
            )
        return refund_report(made.to_dict())

    def look_up_refund(self, refund: Refund) -> RefundReport | None:
        with answers():
            page = self.api.refunds.list({"payment_intent": refund.payment.provider_ref, "limit": PAGE})
            reports = [refund_report(each.to_dict()) for each in page.auto_paging_iter()]
        ours = [each for each in reports if (each.refund, each.attempt) == (refund.public_id, refund.attempt)]
        return ours[0] if ours else None

    def look_up_dispute(self, dispute: Dispute) -> DisputeReport | None:
        with answers():
            return dispute_report(self.api.disputes.retrieve(dispute.provider_ref).to_dict())

    def disputes_since(self, moment: datetime) -> list[DisputeReport]:
        with answers():
            page = self.api.disputes.list({"created": {"gte": int(moment.timestamp())}, "limit": PAGE})
            found = [dispute_report(each.to_dict()) for each in page.auto_paging_iter()]
        return [report for report in found if report]

    def report_of(self, body: dict[str, Any]) -> ProviderEvent | None:
        return report_of_event(body)


def wish(payment: Payment) -> Any:
    """What a new charge is: confirmed at once where the payer's method is known, else waiting for their browser."""
    asked = {
        "amount": to_stripe(payment.amount_minor, payment.currency),
        "currency": payment.currency.lower(),
        "capture_method": "manual" if payment.capture == CaptureMode.MANUAL else "automatic",
        "metadata": {"payment": str(payment.public_id), "reference": str(payment.reference)},
    }
    if not payment.method.startswith(METHOD_PREFIX):
        return {**asked, "automatic_payment_methods": {"enabled": True}}
    # Nobody could be sent to another page from here.
    direct = {"enabled": True, "allow_redirects": "never"}
    return {**asked, "payment_method": payment.method, "confirm": True, "automatic_payment_methods": direct}


def known(intent: dict[str, Any], payment: Payment) -> ChargeReport:
    """The report on an intent that was asked for by our own id."""
    report = charge_report(intent)
    if report is None or report.payment != payment.public_id:
        raise ProviderRefused(f"Stripe's {intent.get('id')} is not payment {payment.public_id}")
    return report


def declined_report(payment: Payment, declined: stripe.CardError) -> ChargeReport:
    """A card that the bank refused: an answer like any other."""
    error = declined.error
    intent = error.payment_intent if error else None
    return ChargeReport(
        provider=ProviderName.STRIPE,
        payment=payment.public_id,
        provider_ref=intent.id if intent else "",
        state=PaymentState.FAILED,
        currency=payment.currency,
        failure_code=((error.decline_code if error else None) or declined.code or "card_declined")[:60],
    )


@contextmanager
def answers() -> Iterator[None]:
    """Stripe's errors in our words. A wrong key is the site's fault: payments wait until somebody has mended it."""
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        raise ProviderRefused(
            f"Stripe refused: {error.code or error.user_message}", answer=error.http_status
        ) from error
    except stripe.StripeError as error:
        raise ProviderUnavailable(f"Stripe did not answer: {type(error).__name__} {error.http_status or ''}") from error
