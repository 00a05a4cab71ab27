"""Addresses of vouchers: below `/api/v1/`, and pages of their own."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from coupon_site.api import PublicIdLookup
from orders.routers import OptionalSlashRouter
from vouchers.api import (
    AboutView,
    CheckView,
    DeviceViewSet,
    GiftViewSet,
    RedeemView,
    ScanView,
    VoidView,
    VoucherViewSet,
)
from vouchers.views import gift_page, scan_page, voucher_file, voucher_page

router = OptionalSlashRouter()
router.register("vouchers", VoucherViewSet, basename="voucher")
router.register("gifts", GiftViewSet, basename="gift")
router.register("devices", DeviceViewSet, basename="device")

urlpatterns = [
    *router.urls,
    re_path("^scan/till/?$", AboutView.as_view(), name="scan-till"),
    re_path("^scan/check/?$", CheckView.as_view(), name="scan-check"),
    re_path("^scan/redeem/?$", RedeemView.as_view(), name="scan-redeem"),
    re_path(
        f"^scan/redemptions/(?P<id>{PublicIdLookup.lookup_value_regex})/void/?$", VoidView.as_view(), name="scan-void"
    ),
]

page_urlpatterns = [
    path("api/scan", csrf_exempt(ScanView.as_view()), name="scan"),
    re_path("^scan/?$", scan_page, name="scan-page"),
    path("vouchers/<str:token>/", voucher_page, name="voucher-page"),
    path("vouchers/<str:token>/voucher.pdf", voucher_file, name="voucher-file"),
    path("gifts/<str:token>", gift_page, name="gift-page"),
]
