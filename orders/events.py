"""Facts that orders announce."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from events import Event


@dataclass(frozen=True, kw_only=True)
class OrderEvent(Event):
    """What every fact about an order says; `buyer`, `merchant` are public ids, no merchant when there are several."""

    channel: ClassVar[str | None] = "events:orders"
    aggregate: ClassVar[str] = "order"

    order: UUID
    number: str
    buyer: UUID
    merchant: UUID | None
    total_minor: int
    currency: str
    state: str
    quantity: int

    def audience(self) -> tuple[str, ...]:
        return (f"user:{self.buyer}", "perm:orders.view_order")


@dataclass(frozen=True, kw_only=True)
class OrderReserved(OrderEvent):
    """Stock is held and waits for the money."""

    name: ClassVar[str] = "order.reserved"


@dataclass(frozen=True, kw_only=True)
class OrderPaid(OrderEvent):
    """The money is there, the stock is sold: vouchers may be issued."""

    name: ClassVar[str] = "order.paid"


@dataclass(frozen=True, kw_only=True)
class OrderFulfilled(OrderEvent):
    """Every unit has its voucher."""

    name: ClassVar[str] = "order.fulfilled"


@dataclass(frozen=True, kw_only=True)
class OrderExpired(OrderEvent):
    """The hold ran out unpaid; the stock is free again."""

    name: ClassVar[str] = "order.expired"


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(OrderEvent):
    """Called off before it was paid; the stock is free again."""

    name: ClassVar[str] = "order.cancelled"


@dataclass(frozen=True, kw_only=True)
class OrderPartlyRefunded(OrderEvent):
    """Some of the money has gone back; the order stays what it was."""

    name: ClassVar[str] = "order.partly_refunded"

    refunded_minor: int


@dataclass(frozen=True, kw_only=True)
class OrderRefunded(OrderEvent):
    """The order is undone: its money goes back, whatever came of it must be taken back too."""

    name: ClassVar[str] = "order.refunded"


@dataclass(frozen=True, kw_only=True)
class OrderChargedBack(OrderEvent):
    """The payer's bank took the money back, and something of the order was used: what was not is worth nothing now."""

    name: ClassVar[str] = "order.charged_back"
