"""Doors of orders: the catalogue for everybody, orders for their buyers, merchants and refunds for operators."""

from orders.api.catalogue import OfferViewSet, SaleViewSet
from orders.api.merchants import MerchantViewSet
from orders.api.orders import OrderViewSet
from orders.api.refunds import RefundViewSet

__all__ = ["MerchantViewSet", "OfferViewSet", "OrderViewSet", "RefundViewSet", "SaleViewSet"]
