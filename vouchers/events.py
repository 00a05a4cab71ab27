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
    owner: UUID
    merchant: UUID
    state: str
    uses_done: int
    uses_total: int

    def audience(self) -> tuple[str, ...]:
        return (f"user:{self.owner}", "perm:orders.view_order")


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
