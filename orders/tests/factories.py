"""Rows to begin with."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import User
from orders.models import FlashSale, Merchant, Offer, Order
from orders.services import (
    LineRequest,
    ReserveRequest,
    create_merchant,
    create_offer,
    open_sale,
    reserve,
)
from payments.models import Payment, PaymentState

_numbers = count(1)


def new_merchant(**fields: Any) -> Merchant:
    return create_merchant(**{"name": f"Merchant {next(_numbers)}", **fields})


def new_offer(**terms: Any) -> Offer:
    """An offer without an ordinary sale of its own."""
    defaults = {"title": "Dinner for two", "value_minor": 5000, "price_minor": 3000, "currency": "GBP"}
    return create_offer(
        **{
            "at": timezone.now(),
            "stock": 0,
            "merchant": terms.pop("merchant", None) or new_merchant(),
            **defaults,
            **terms,
        }
    )


def new_sale(*, stock: int = 10, **terms: Any) -> FlashSale:
    """A flash sale that is live since an hour, and for another one."""
    now = timezone.now()
    defaults = {
        "starts_at": now - timedelta(hours=1),
        "ends_at": now + timedelta(hours=1),
        "price_minor": 1000,
        "per_buyer_limit": 10,
    }
    return open_sale(offer=terms.pop("offer", None) or new_offer(), stock=stock, **{**defaults, **terms})


def request_of(buyer: User, sale: FlashSale, *, quantity: int = 1) -> ReserveRequest:
    return ReserveRequest(buyer=buyer, lines=(LineRequest(sale=sale.public_id, quantity=quantity),))


def new_order(buyer: User, *sales: FlashSale, quantity: int = 1) -> Order:
    """A reserved order of the same quantity of each sale."""
    lines = tuple(LineRequest(sale=sale.public_id, quantity=quantity) for sale in sales)
    [order] = reserve(requests=[ReserveRequest(buyer=buyer, lines=lines)], at=timezone.now())
    assert isinstance(order, Order), order
    return order


def captured_payment(order: Order, *, amount_minor: int | None = None) -> Payment:
    """Money for an order, of which nobody has told the order yet."""
    return Payment.objects.create(
        reference=order.public_id,
        payer=order.buyer,
        provider="sandbox",
        provider_ref=f"sbx_ch_no_{next(_numbers)}",
        method="card",
        amount_minor=amount_minor or order.total_minor,
        captured_minor=amount_minor or order.total_minor,
        currency=order.currency,
        state=PaymentState.CAPTURED,
        captured_at=timezone.now(),
        poll_at=timezone.now(),
    )
