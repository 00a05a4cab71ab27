"""Addresses of cashback, below `/api/v1/`; the sandbox bank's counter is a page."""

from django.urls import URLPattern, URLResolver, path, re_path

from cashback.api import (
    CashbackEventViewSet,
    ConversionViewSet,
    ImportViewSet,
    PayoutViewSet,
    StatementView,
    TransfersView,
    WalletView,
)
from cashback.api.bank import TransfersView as BankTransfersView
from cashback.api.bank import TransferView as BankTransferView
from orders.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("cashback/events", CashbackEventViewSet, basename="cashback-event")
router.register("conversions", ConversionViewSet, basename="conversion")
router.register("imports", ImportViewSet, basename="import")
router.register("payouts", PayoutViewSet, basename="payout")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    re_path("^wallet/?$", WalletView.as_view(), name="wallet"),
    re_path("^wallet/transfers/?$", TransfersView.as_view(), name="wallet-transfers"),
    re_path("^wallet/statement/?$", StatementView.as_view(), name="wallet-statement"),
]

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("sandbox/transfers", BankTransfersView.as_view(), name="sandbox-transfers"),
    path("sandbox/transfers/<uuid:key>", BankTransferView.as_view(), name="sandbox-transfer"),
]
