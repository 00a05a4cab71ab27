"""Screens for operators: the catalogue, sales with their stock, orders with their history."""

from orders.admin.catalogue import MerchantAdmin, OfferAdmin
from orders.admin.orders import OrderAdmin
from orders.admin.sales import FlashSaleAdmin

__all__ = ["FlashSaleAdmin", "MerchantAdmin", "OfferAdmin", "OrderAdmin"]
