"""Addresses of cashback, below `/api/v1/`."""

from django.urls import URLPattern, URLResolver, re_path

from cashback.api import CashbackEventViewSet, ConversionViewSet, ImportViewSet, WalletView
from orders.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("cashback/events", CashbackEventViewSet, basename="cashback-event")
router.register("conversions", ConversionViewSet, basename="conversion")
router.register("imports", ImportViewSet, basename="import")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls, re_path("^wallet/?$", WalletView.as_view(), name="wallet")]
