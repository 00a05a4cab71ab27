"""Addresses of orders, below `/api/v1/`."""

from django.urls import URLPattern, URLResolver

from orders.api import MerchantViewSet, OfferViewSet, OrderViewSet, RefundViewSet, SaleViewSet
from orders.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("offers", OfferViewSet, basename="offer")
router.register("sales", SaleViewSet, basename="sale")
router.register("orders", OrderViewSet, basename="order")
router.register("merchants", MerchantViewSet, basename="merchant")
router.register("refunds", RefundViewSet, basename="refund")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls]
