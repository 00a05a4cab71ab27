"""Facts that cashback announces."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from events import Event


@dataclass(frozen=True, kw_only=True)
class CashbackFact(Event):
    """What every fact about one cashback event says. `amount_minor` is what it is worth now; other shops' purchases
    have no order number.
    """

    channel: ClassVar[str | None] = "events:cashback"
    aggregate: ClassVar[str] = "cashback_event"

    cashback_event: UUID
    buyer: UUID
    network: str
    order_number: str = ""
    state: str
    amount_minor: int
    currency: str

    def audience(self) -> tuple[str, ...]:
        return (f"user:{self.buyer}", "perm:cashback.view_cashbackevent")


@dataclass(frozen=True, kw_only=True)
class CashbackPending(CashbackFact):
    """Noted in the wallet, not yet to be spent."""

    name: ClassVar[str] = "cashback.pending"


@dataclass(frozen=True, kw_only=True)
class CashbackAmended(CashbackFact):
    """The purchase turned out larger or smaller."""

    name: ClassVar[str] = "cashback.amended"


@dataclass(frozen=True, kw_only=True)
class CashbackConfirmed(CashbackFact):
    """Approved; it can be spent when its hold is over."""

    name: ClassVar[str] = "cashback.confirmed"


@dataclass(frozen=True, kw_only=True)
class CashbackHeld(CashbackFact):
    """Somebody is looking at it."""

    name: ClassVar[str] = "cashback.held"


@dataclass(frozen=True, kw_only=True)
class CashbackPayable(CashbackFact):
    """Its hold is over."""

    name: ClassVar[str] = "cashback.payable"


@dataclass(frozen=True, kw_only=True)
class CashbackPaid(CashbackFact):
    """Ready to spend."""

    name: ClassVar[str] = "cashback.paid"


@dataclass(frozen=True, kw_only=True)
class CashbackDeclined(CashbackFact):
    """There will be none."""

    name: ClassVar[str] = "cashback.declined"


@dataclass(frozen=True, kw_only=True)
class CashbackReversed(CashbackFact):
    """Taken back out of the wallet."""

    name: ClassVar[str] = "cashback.reversed"


@dataclass(frozen=True, kw_only=True)
class PayoutFact(Event):
    """What every fact about one payout says."""

    channel: ClassVar[str | None] = "events:cashback"
    aggregate: ClassVar[str] = "payout"

    payout: UUID
    buyer: UUID
    state: str
    amount_minor: int
    currency: str
    failure_code: str = ""

    def audience(self) -> tuple[str, ...]:
        return (f"user:{self.buyer}", "perm:cashback.view_cashbackevent")


@dataclass(frozen=True, kw_only=True)
class PayoutRequested(PayoutFact):
    """Set aside from the wallet; it waits for a second person."""

    name: ClassVar[str] = "payout.requested"


@dataclass(frozen=True, kw_only=True)
class PayoutApproved(PayoutFact):
    """It may go to the bank."""

    name: ClassVar[str] = "payout.approved"


@dataclass(frozen=True, kw_only=True)
class PayoutRejected(PayoutFact):
    """It will not be paid; the money is back in the wallet."""

    name: ClassVar[str] = "payout.rejected"


@dataclass(frozen=True, kw_only=True)
class PayoutProcessing(PayoutFact):
    """On its way to the bank."""

    name: ClassVar[str] = "payout.processing"


@dataclass(frozen=True, kw_only=True)
class PayoutUnknown(PayoutFact):
    """The bank has not said whether it was paid."""

    name: ClassVar[str] = "payout.unknown"


@dataclass(frozen=True, kw_only=True)
class PayoutPaid(PayoutFact):
    """The bank has paid it."""

    name: ClassVar[str] = "payout.paid"


@dataclass(frozen=True, kw_only=True)
class PayoutFailed(PayoutFact):
    """The bank did not pay it; somebody decides what is next."""

    name: ClassVar[str] = "payout.failed"


@dataclass(frozen=True, kw_only=True)
class PayoutReturned(PayoutFact):
    """Given up; the money is back in the wallet."""

    name: ClassVar[str] = "payout.returned"


@dataclass(frozen=True, kw_only=True)
class ImportFinished(Event):
    """A network's file is applied; one fact for all of its conversions."""

    name: ClassVar[str] = "import.finished"
    channel: ClassVar[str | None] = "events:cashback"
    aggregate: ClassVar[str] = "job"

    job: UUID
    network: str
    filename: str
    state: str
    lines: int
    rejected: int
    conversions: int
    clawbacks: int

    def audience(self) -> tuple[str, ...]:
        return ("perm:cashback.view_cashbackevent",)
