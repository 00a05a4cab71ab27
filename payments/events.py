"""Facts that payments announces. None goes to browsers: what is paid for tells its own story."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from events import Event


@dataclass(frozen=True, kw_only=True)
class PaymentCaptured(Event):
    """The money of a payment is ours."""

    name: ClassVar[str] = "payment.captured"
    aggregate: ClassVar[str] = "payment"

    payment: UUID
    reference: UUID
    amount_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class PaymentAuthorized(Event):
    """The bank has set the money aside and waits to be told whether to take it."""

    name: ClassVar[str] = "payment.authorized"
    aggregate: ClassVar[str] = "payment"

    payment: UUID
    reference: UUID
    amount_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(Event):
    """A payment came to nothing; `failure_code` is the provider's word for why."""

    name: ClassVar[str] = "payment.failed"
    aggregate: ClassVar[str] = "payment"

    payment: UUID
    reference: UUID
    amount_minor: int
    currency: str
    failure_code: str


@dataclass(frozen=True, kw_only=True)
class PaymentRefunded(Event):
    """A refund of a payment is done; `refunded_minor` is the sum of all its refunds so far."""

    name: ClassVar[str] = "payment.refunded"
    aggregate: ClassVar[str] = "payment"

    payment: UUID
    refund: UUID
    reference: UUID
    amount_minor: int
    refunded_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class PaymentWonBack(Event):
    """The payer's bank has decided for us: what it contested is ours again."""

    name: ClassVar[str] = "payment.won_back"
    aggregate: ClassVar[str] = "payment"

    payment: UUID
    reference: UUID


@dataclass(frozen=True, kw_only=True)
class PaymentChargedBack(Event):
    """The payer's bank has taken the money back for good; `dispute` is the one that was lost."""

    name: ClassVar[str] = "payment.charged_back"
    aggregate: ClassVar[str] = "payment"

    payment: UUID
    dispute: UUID
    reference: UUID
    amount_minor: int
    currency: str
