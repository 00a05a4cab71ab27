"""Orders in any state, at any moment."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest
from django.utils import timezone

from accounts.models import User
from orders.models import FlashSale, Merchant, Offer, Order, OrderLine, OrderState, SaleStock

MakeOrder = Callable[..., Order]
MakeSale = Callable[..., FlashSale]
_numbers = count(1)


@pytest.fixture
def make_sale(db: None) -> MakeSale:
    """A live sale with its stock."""

    def make(*, title: str = "Tasting menu", total: int = 100, reserved: int = 0, sold: int = 0, **fields) -> FlashSale:
        merchant, _ = Merchant.objects.get_or_create(name="The Old Mill")
        offer = Offer.objects.create(merchant=merchant, title=title, value_minor=2000, price_minor=1250, currency="GBP")
        fields = {"starts_at": timezone.now() - timedelta(hours=1), "ends_at": None, **fields}
        sale = FlashSale.objects.create(offer=offer, title=title, price_minor=1250, **fields)
        SaleStock.objects.create(sale=sale, total=total, reserved=reserved, sold=sold)
        return sale

    return make


@pytest.fixture
def make_order(user: User, make_sale: MakeSale) -> MakeOrder:
    """An order whose row says that it came this far, so many seconds ago."""

    def make(
        *,
        state: OrderState = OrderState.RESERVED,
        seconds_ago: float = 10,
        took: float = 2,
        total_minor: int = 1250,
        currency: str = "GBP",
        sale: FlashSale | None = None,
        at: datetime | None = None,
    ) -> Order:
        made = (at or timezone.now()) - timedelta(seconds=seconds_ago)
        is_paid = state in {OrderState.PAID, OrderState.FULFILLED, OrderState.REFUNDED}
        order = Order.objects.create(
            number=f"T{next(_numbers):06}",
            buyer=user,
            state=state,
            currency=currency,
            total_minor=total_minor,
            payment_method="card",
            created_at=made,
            expires_at=made + timedelta(minutes=15),
            paid_at=made + timedelta(seconds=took / 2) if is_paid else None,
            fulfilled_at=made + timedelta(seconds=took) if state == OrderState.FULFILLED else None,
        )
        OrderLine.objects.create(
            order=order,
            sale=sale or make_sale(),
            title="Tasting menu",
            quantity=1,
            unit_minor=total_minor,
            line_total_minor=total_minor,
        )
        return order

    return make
