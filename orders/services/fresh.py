"""Orders as they are written: rows and answers are made of them, and a model only for who asks for one."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection
from msgspec import Struct

from accounts.models import User
from orders.models import FlashSale, Order, OrderLine, OrderState


class NewLine(Struct, kw_only=True):
    """A line, by the names of OrderLine's fields, and the bucket that gives its units."""

    public_id: UUID
    sale: FlashSale
    bucket_id: int
    title: str
    quantity: int
    unit_minor: int
    line_total_minor: int
    gift: dict[str, Any] | None
    discount_minor: ClassVar[int] = 0


class NewOrder(Struct, kw_only=True):
    """A reserved order, by the names of Order's fields. `pk`: its row, once it is written."""

    public_id: UUID
    number: str
    buyer: User
    currency: str
    total_minor: int
    payment_method: str
    created_at: datetime
    expires_at: datetime
    fresh_lines: list[NewLine]
    pk: int = 0
    state: ClassVar[OrderState] = OrderState.RESERVED
    refunded_minor: ClassVar[int] = 0
    paid_at: ClassVar[datetime | None] = None
    fulfilled_at: ClassVar[datetime | None] = None

    def as_order(self) -> Order:
        """The same as a model, with its lines in `fresh_lines`."""
        order = Order(
            pk=self.pk,
            public_id=self.public_id,
            number=self.number,
            buyer=self.buyer,
            currency=self.currency,
            total_minor=self.total_minor,
            payment_method=self.payment_method,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )
        order._state.adding, order._state.db = False, connection.alias
        order.fresh_lines = [line_of(line) for line in self.fresh_lines]
        return order


def line_of(line: NewLine) -> OrderLine:
    """The same as a model, without its row."""
    return OrderLine(
        public_id=line.public_id,
        sale=line.sale,
        title=line.title,
        quantity=line.quantity,
        unit_minor=line.unit_minor,
        line_total_minor=line.line_total_minor,
        gift=line.gift,
    )
