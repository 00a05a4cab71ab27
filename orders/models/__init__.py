"""Tables of orders."""

from orders.models.catalogue import GiftPolicy, Merchant, MerchantQuerySet, Offer, OfferQuerySet
from orders.models.order import (
    PAID_STATES,
    Hold,
    HoldState,
    Order,
    OrderLine,
    OrderQuerySet,
    OrderState,
    lines_with_terms,
)
from orders.models.sale import BuyerAllowance, FlashSale, FlashSaleQuerySet, SalePhase, SaleStock

__all__ = [
    "PAID_STATES",
    "BuyerAllowance",
    "FlashSale",
    "FlashSaleQuerySet",
    "GiftPolicy",
    "Hold",
    "HoldState",
    "Merchant",
    "MerchantQuerySet",
    "Offer",
    "OfferQuerySet",
    "Order",
    "OrderLine",
    "OrderQuerySet",
    "OrderState",
    "SalePhase",
    "SaleStock",
    "lines_with_terms",
]
