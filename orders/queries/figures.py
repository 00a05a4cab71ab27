"""Figures of the shop as it is now, for those who watch it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Max, Sum
from django.db.models.functions import Coalesce

from orders.models import FlashSale, Order, OrderState

SHOWN_PRODUCTS: Final = 50
"""The most products that are measured at a time."""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Units of a product over its live sales."""

    product: UUID
    title: str
    available: int
    total: int


def pending_orders() -> int:
    """Orders that hold stock and wait for their money."""
    return Order.objects.filter(state=OrderState.RESERVED).count()


def overdue_orders(at: datetime) -> int:
    """Unpaid orders that the expiry sweep should have closed a minute ago."""
    return Order.objects.unpaid_past(at - timedelta(minutes=1)).count()


def inventory_of_live_sales(at: datetime, *, limit: int = SHOWN_PRODUCTS) -> list[Inventory]:
    """What is left of the products on sale: flash sales first, then the latest, at most `limit` of them."""
    products = (
        FlashSale.objects.live(at)
        .values("offer__public_id", "offer__title")
        .annotate(
            total=Coalesce(Sum("stock__total"), 0),
            available=Coalesce(Sum(F("stock__total") - F("stock__reserved") - F("stock__sold")), 0),
            flash_sales=Count("ends_at"),
            latest=Max("starts_at"),
        )
        .order_by("-flash_sales", "-latest")[:limit]
    )
    return [
        Inventory(
            product=row["offer__public_id"], title=row["offer__title"], available=row["available"], total=row["total"]
        )
        for row in products
    ]
