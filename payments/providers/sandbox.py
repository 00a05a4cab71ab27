"""The adapter of the sandbox bank: real HTTP to the bank's endpoints under the site's own address."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import httpx
from django.conf import settings

from coupon_site.upstream import CountedTransport
from payments.errors import ProviderRefused, ProviderUnavailable
from payments.models import Dispute, DisputeState, Payment, PaymentState, ProviderName, Refund, RefundState
from payments.providers.interface import ChargeReport, DisputeReport, ProviderEvent, RefundReport
from payments.signatures import verify

METHODS: Final = (
    "card",
    "card_declined",
    "card_slow",
    "card_duplicate",
    "card_authorize",
    "card_dispute_won",
    "card_dispute_lost",
)
CHARGE_STATES: Mapping[str, PaymentState] = {
    "pending": PaymentState.PENDING,
    "authorized": PaymentState.AUTHORIZED,
    "captured": PaymentState.CAPTURED,
    "declined": PaymentState.FAILED,
    "voided": PaymentState.CANCELLED,
}
SIGNATURE_HEADER: Final = "Sandbox-Signature"
REFUND_STATES: Mapping[str, RefundState] = {"accepted": RefundState.IN_TRANSIT, "done": RefundState.DONE}


class SandboxProvider:
    """Charges and refunds at the sandbox bank."""

    name: ProviderName = ProviderName.SANDBOX
    methods: tuple[str, ...] = METHODS
    reopens_failed = False

    def __init__(self) -> None:
        self.http = httpx.Client(timeout=settings.PROVIDER_TIMEOUT_SECONDS, transport=CountedTransport("bank"))

    def accepts(self, method: str) -> bool:
        return method in self.methods

    def verify(self, *, body: bytes, signature: str, at: float) -> None:
        verify(signature, body, secrets=settings.SANDBOX_WEBHOOK_SECRETS, at=at)

    def charge(self, payment: Payment) -> ChargeReport:
        asked = {
            "key": str(payment.public_id),
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "method": payment.method,
            "capture": payment.capture,
        }
        return charge_report(self.call("POST", "charges", asked))

    def look_up(self, payment: Payment) -> ChargeReport | None:
        found = self.find(f"charges/{payment.public_id}")
        return charge_report(found) if found else None

    def capture(self, payment: Payment) -> ChargeReport:
        return charge_report(self.call("POST", f"charges/{payment.public_id}/capture"))

    def void(self, payment: Payment) -> ChargeReport | None:
        found = self.find(f"charges/{payment.public_id}/void", method="POST")
        return charge_report(found) if found else None

    def refund(self, refund: Refund) -> RefundReport:
        asked = {
            "key": str(refund.public_id),
            "charge": str(refund.payment.public_id),
            "amount_minor": refund.amount_minor,
        }
        return refund_report(self.call("POST", "refunds", asked))

    def look_up_refund(self, refund: Refund) -> RefundReport | None:
        found = self.find(f"refunds/{refund.public_id}")
        return refund_report(found) if found else None

    def look_up_dispute(self, dispute: Dispute) -> DisputeReport | None:
        found = self.find(f"disputes/{dispute.provider_ref}")
        return dispute_report(found) if found else None

    def disputes_since(self, moment: datetime) -> list[DisputeReport]:
        found = self.call("GET", f"disputes?since={int(moment.timestamp())}")
        return [dispute_report(each) for each in found["disputes"]]

    def report_of(self, body: dict[str, Any]) -> ProviderEvent | None:
        match body:
            case {"type": str(kind), "data": dict(data)} if kind.startswith("charge."):
                return charge_report(data)
            case {"type": str(kind), "data": dict(data)} if kind.startswith("refund."):
                return refund_report(data)
            case {"type": str(kind), "data": dict(data)} if kind.startswith("dispute."):
                return dispute_report(data)
        return None

    def find(self, path: str, *, method: str = "GET") -> dict[str, Any] | None:
        """What the bank has at a path; None when it has nothing."""
        try:
            return self.call(method, path)
        except ProviderRefused as refusal:
            if refusal.context["answer"] == httpx.codes.NOT_FOUND:
                return None
            raise

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to the bank."""
        address = f"{settings.SANDBOX_URL}/sandbox/{path}"
        headers = {"Authorization": f"Bearer {settings.SANDBOX_KEY}"}
        try:
            response = self.http.request(method, address, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"The sandbox bank did not answer: {type(error).__name__}") from error
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise ProviderUnavailable(f"The sandbox bank answered {response.status_code}")
        if not response.is_success:
            raise ProviderRefused(f"The sandbox bank answered {response.status_code}", answer=response.status_code)
        answer: dict[str, Any] = response.json()
        return answer


def charge_report(data: Mapping[str, Any]) -> ChargeReport:
    """The bank's charge in our words."""
    return ChargeReport(
        provider=ProviderName.SANDBOX,
        payment=UUID(data["key"]),
        provider_ref=data["id"],
        state=CHARGE_STATES[data["state"]],
        currency=data["currency"],
        captured_minor=data["captured_minor"],
        failure_code=data["failure_code"],
    )


def refund_report(data: Mapping[str, Any]) -> RefundReport:
    """The bank's refund in our words."""
    return RefundReport(
        provider=ProviderName.SANDBOX,
        refund=UUID(data["key"]),
        provider_ref=data["id"],
        state=REFUND_STATES[data["state"]],
    )


def dispute_report(data: Mapping[str, Any]) -> DisputeReport:
    """The bank's dispute in our words."""
    return DisputeReport(
        provider=ProviderName.SANDBOX,
        provider_ref=data["id"],
        charge_ref=data["charge"],
        state=DisputeState(data["state"]),
        amount_minor=data["amount_minor"],
        currency=data["currency"],
        reason=data["reason"],
    )
