"""Facts that payments announces. None goes to browsers: what is paid for tells its own story."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from events import Event


@dataclass(frozen=True, kw_only=True)
class PaymentEvent(Event):
    """What every fact about a payment says; `reference` is what is paid for."""

    aggregate: ClassVar[str] = "payment"

    payment: UUID
    reference: UUID


@dataclass(frozen=True, kw_only=True)
class PaymentWonBack(PaymentEvent):
    """The payer's bank has decided for us: what it contested is ours again."""

    name: ClassVar[str] = "payment.won_back"


@dataclass(frozen=True, kw_only=True)
class MoneyEvent(PaymentEvent):
    """A fact about an amount of a payment."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class PaymentCaptured(MoneyEvent):
    """The money of a payment is ours."""

    name: ClassVar[str] = "payment.captured"


@dataclass(frozen=True, kw_only=True)
class PaymentAuthorized(MoneyEvent):
    """The bank has set the money aside and waits to be told whether to take it."""

    name: ClassVar[str] = "payment.authorized"


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(MoneyEvent):
    """A payment came to nothing; `failure_code` is the provider's word for why."""

    name: ClassVar[str] = "payment.failed"

    failure_code: str


@dataclass(frozen=True, kw_only=True)
class PaymentRefunded(MoneyEvent):
    """A refund of a payment is done; `refunded_minor` is the sum of all its refunds so far."""

    name: ClassVar[str] = "payment.refunded"

    refund: UUID
    refunded_minor: int


@dataclass(frozen=True, kw_only=True)
class PaymentChargedBack(MoneyEvent):
    """The payer's bank has taken the money back for good; `dispute` is the one that was lost."""

    name: ClassVar[str] = "payment.charged_back"

    dispute: UUID
