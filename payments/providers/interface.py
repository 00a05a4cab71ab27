"""What the site asks of a provider, and what a provider reports."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from payments.models import Dispute, DisputeState, Payment, PaymentState, ProviderName, Refund, RefundState


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
    # By which the payer's browser goes on where the bank wants to see them. Never stored, never logged.
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class RefundReport:
    """What a provider says of a refund now.

    `refund` is our public id; None: made at the provider by hand, and known by `charge_ref` and what it gives back.
    """

    provider: ProviderName
    refund: UUID | None
    provider_ref: str
    state: RefundState
    failure_code: str = ""
    attempt: int | None = None
    charge_ref: str = ""
    amount_minor: int = 0
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class DisputeReport:
    """What a provider says of a dispute now; `charge_ref` is the provider's own id of the charge."""

    provider: ProviderName
    provider_ref: str
    charge_ref: str
    state: DisputeState
    amount_minor: int
    currency: str
    reason: str = ""
    respond_by: datetime | None = None


ProviderEvent = ChargeReport | RefundReport | DisputeReport


class PaymentProvider(Protocol):
    """An adapter. Every call may be repeated: our public ids are the idempotency keys.

    All raise ProviderUnavailable when no answer came (try again) and ProviderRefused when the answer was no.
    """

    name: ProviderName
    methods: tuple[str, ...]
    reopens_failed: bool
    """Whether a payer can go on trying with a charge that failed."""

    def accepts(self, method: str) -> bool:
        """Whether a payer may pay so."""
        ...

    def verify(self, *, body: bytes, signature: str, at: float) -> None:
        """Raises WebhookRefused unless the webhook is the provider's; `at` is now in Unix seconds."""
        ...

    def charge(self, payment: Payment) -> ChargeReport:
        """Start a charge, or find the one started before."""
        ...

    def look_up(self, payment: Payment) -> ChargeReport | None:
        """The charge as it is now; None when the provider never heard of it."""
        ...

    def capture(self, payment: Payment) -> ChargeReport:
        """Take the money of an authorised charge."""
        ...

    def void(self, payment: Payment) -> ChargeReport | None:
        """Let a charge go that took no money yet; None when the provider never heard of it."""
        ...

    def refund(self, refund: Refund) -> RefundReport:
        """Send money back, or find the refund sent before."""
        ...

    def look_up_refund(self, refund: Refund) -> RefundReport | None:
        """The refund as it is now; None when the provider never heard of it."""
        ...

    def look_up_dispute(self, dispute: Dispute) -> DisputeReport | None:
        """The dispute as it is now; None when the provider never heard of it."""
        ...

    def disputes_since(self, moment: datetime) -> list[DisputeReport]:
        """Every dispute that was begun since then."""
        ...

    def report_of(self, body: dict[str, Any]) -> ProviderEvent | None:
        """What a webhook's body reports; None when it is about nothing of ours."""
        ...
