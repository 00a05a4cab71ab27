"""What the site asks of a provider, and what a provider reports."""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from payments.models import Payment, PaymentState, ProviderName, Refund, RefundState


@dataclass(frozen=True, kw_only=True)
class ChargeReport:
    """What a provider says of a charge now. `payment` is our public id, which every charge carries."""

    provider: ProviderName
    payment: UUID
    provider_ref: str
    state: PaymentState
    currency: str
    captured_minor: int = 0
    failure_code: str = ""


@dataclass(frozen=True, kw_only=True)
class RefundReport:
    """What a provider says of a refund now. `refund` is our public id."""

    provider: ProviderName
    refund: UUID
    provider_ref: str
    state: RefundState
    failure_code: str = ""


ProviderEvent = ChargeReport | RefundReport


class PaymentProvider(Protocol):
    """An adapter. Every call may be repeated: our public ids are the idempotency keys.

    All raise ProviderUnavailable when no answer came (try again) and ProviderRefused when the answer was no.
    """

    name: ProviderName
    methods: tuple[str, ...]

    def charge(self, payment: Payment) -> ChargeReport:
        """Start a charge, or find the one started before."""
        ...

    def look_up(self, payment: Payment) -> ChargeReport | None:
        """The charge as it is now; None when the provider never heard of it."""
        ...

    def refund(self, refund: Refund) -> RefundReport:
        """Send money back, or find the refund sent before."""
        ...

    def look_up_refund(self, refund: Refund) -> RefundReport | None:
        """The refund as it is now; None when the provider never heard of it."""
        ...

    def report_of(self, body: dict[str, Any]) -> ProviderEvent | None:
        """What a webhook's body reports; None when it is about nothing of ours."""
        ...
