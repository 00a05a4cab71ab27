"""Facts that vouchers announce. They travel with the orders they come from."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from events import Event


@dataclass(frozen=True, kw_only=True)
class VouchersIssued(Event):
    """All vouchers of an order exist."""

    name: ClassVar[str] = "voucher.issued"
    channel: ClassVar[str | None] = "events:orders"
    aggregate: ClassVar[str] = "order"

    order: UUID
    buyer: UUID
    vouchers: tuple[UUID, ...]

    def audience(self) -> tuple[str, ...]:
        return (f"user:{self.buyer}", "perm:orders.view_order")


@dataclass(frozen=True, kw_only=True)
class VoucherEvent(Event):
    """What every fact about one voucher says."""

    channel: ClassVar[str | None] = "events:orders"
    aggregate: ClassVar[str] = "voucher"

    voucher: UUID
    owner: UUID | None
    merchant: UUID
    state: str
    uses_done: int
    uses_total: int

    def audience(self) -> tuple[str, ...]:
        return (*([f"user:{self.owner}"] if self.owner else []), "perm:orders.view_order")


@dataclass(frozen=True, kw_only=True)
class VoucherRedeemed(VoucherEvent):
    """A till took one use."""

    name: ClassVar[str] = "voucher.redeemed"

    redemption: UUID


@dataclass(frozen=True, kw_only=True)
class RedemptionVoided(VoucherEvent):
    """A use was taken back."""

    name: ClassVar[str] = "voucher.redemption_voided"

    redemption: UUID


@dataclass(frozen=True, kw_only=True)
class VoucherExpired(VoucherEvent):
    """Its last day is over."""

    name: ClassVar[str] = "voucher.expired"


@dataclass(frozen=True, kw_only=True)
class VoucherCancelled(VoucherEvent):
    """Taken back before it was used."""

    name: ClassVar[str] = "voucher.cancelled"


@dataclass(frozen=True, kw_only=True)
class GiftEvent(Event):
    """What every fact about a gift says. Its giver hears of it, and nobody learns who the receiver is."""

    channel: ClassVar[str | None] = "events:orders"
    aggregate: ClassVar[str] = "gift"

    gift: UUID
    voucher: UUID
    giver: UUID
    mode: str
    theme: str
    state: str

    def audience(self) -> tuple[str, ...]:
        return (f"user:{self.giver}", "perm:orders.view_order")


@dataclass(frozen=True, kw_only=True)
class GiftScheduled(GiftEvent):
    """Its voucher is locked; it waits for its mail or for its day."""

    name: ClassVar[str] = "gift.scheduled"


@dataclass(frozen=True, kw_only=True)
class GiftSent(GiftEvent):
    """Its link opens from now on."""

    name: ClassVar[str] = "gift.sent"


@dataclass(frozen=True, kw_only=True)
class GiftClaimed(GiftEvent):
    """Somebody opened it."""

    name: ClassVar[str] = "gift.claimed"


@dataclass(frozen=True, kw_only=True)
class GiftExpired(GiftEvent):
    """Nobody opened it in time."""

    name: ClassVar[str] = "gift.expired"


@dataclass(frozen=True, kw_only=True)
class GiftRevoked(GiftEvent):
    """Called off before anybody opened it."""

    name: ClassVar[str] = "gift.revoked"


@dataclass(frozen=True, kw_only=True)
class GiftReturned(GiftEvent):
    """Its giver has the voucher back."""

    name: ClassVar[str] = "gift.returned"
