"""Merchants, offers and sales: what operators set up."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from accounts.models import User
from orders.errors import SaleClosed, StockTaken
from orders.models import FlashSale, Merchant, Offer, SaleStock
from orders.services.stock import lock_buckets

M = TypeVar("M", Merchant, Offer)


@transaction.atomic
def create_merchant(*, name: str, timezone: str = "UTC") -> Merchant:
    """A new merchant. Raises ValidationError for a taken name or an unknown zone."""
    merchant = Merchant(name=name, timezone=timezone)
    merchant.full_clean()
    merchant.save(force_insert=True)
    return merchant


@transaction.atomic
def update_merchant(*, merchant: Merchant, **changes: Any) -> Merchant:
    """Change `name` or `timezone`. Raises ValidationError."""
    return change(merchant, changes)


@transaction.atomic
def set_members(*, merchant: Merchant, members: Iterable[User]) -> None:
    """Say who may see the merchant."""
    merchant.members.set(members)


@transaction.atomic
def create_offer(*, at: datetime, stock: int, per_buyer_limit: int = 10, **terms: Any) -> Offer:
    """A new offer and the open-ended sale that sells it outside of flash sales, from `at` on.

    `terms` are the offer's fields; `stock` 0 sells it in flash sales only. Raises ValidationError.
    """
    offer = Offer(**terms)
    offer.full_clean()
    offer.save(force_insert=True)
    if stock:
        open_sale(
            offer=offer, stock=stock, starts_at=at, price_minor=offer.price_minor, per_buyer_limit=per_buyer_limit
        )
    return offer


@transaction.atomic
def update_offer(*, offer: Offer, **changes: Any) -> Offer:
    """Change an offer; its open-ended sale follows its price. Orders keep the terms they were made on."""
    offer = change(offer, changes)
    ordinary = FlashSale.objects.filter(offer=offer, ends_at=None, closed_at=None)
    ordinary.update(price_minor=offer.price_minor, title=offer.title)
    return offer


def change(row: M, changes: dict[str, Any]) -> M:
    """Set the named fields, and only those."""
    for name, value in changes.items():
        setattr(row, name, value)
    row.full_clean()
    row.save(update_fields=[*changes])
    return row


@transaction.atomic
def open_sale(  # noqa: PLR0913  a sale has so many terms
    *,
    offer: Offer,
    stock: int,
    starts_at: datetime,
    price_minor: int,
    ends_at: datetime | None = None,
    per_buyer_limit: int = 10,
    title: str = "",
    buckets: int = 1,
) -> FlashSale:
    """Put units of an offer on sale; without an end it is the offer's ordinary sale. Raises ValidationError."""
    sale = FlashSale(
        offer=offer,
        title=title or offer.title,
        starts_at=starts_at,
        ends_at=ends_at,
        price_minor=price_minor,
        per_buyer_limit=per_buyer_limit,
    )
    sale.full_clean()
    sale.save(force_insert=True)
    SaleStock.objects.bulk_create(
        SaleStock(sale=sale, bucket=bucket, total=stock // buckets + (bucket < stock % buckets))
        for bucket in range(buckets)
    )
    return sale


@transaction.atomic
def close_sale(*, sale: FlashSale, at: datetime) -> FlashSale:
    """End a sale before its time; what is reserved may still be paid. Raises SaleClosed when it is over."""
    closed = FlashSale.objects.filter(pk=sale.pk, closed_at=None).update(closed_at=at)
    if not closed:
        raise SaleClosed(sale=sale.public_id)
    sale.closed_at = at
    return sale


@transaction.atomic
def add_stock(*, sale: FlashSale, quantity: int) -> None:
    """More units, spread over the buckets, or with a negative quantity fewer, from the fullest first.

    Raises StockTaken when they are reserved or sold.
    """
    buckets = lock_buckets(SaleStock.objects.filter(sale=sale))
    free = sum(bucket.available for bucket in buckets)
    if free + quantity < 0:
        raise StockTaken(f"{free} units are free", available=free)
    for place, bucket in enumerate(sorted(buckets, key=lambda bucket: -bucket.available)):
        rest = len(buckets) - place
        share = max(quantity, -bucket.available) if quantity < 0 else quantity // rest
        bucket.total += share
        quantity -= share
    SaleStock.objects.bulk_update(buckets, ["total"])
