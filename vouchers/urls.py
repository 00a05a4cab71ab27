"""Addresses of vouchers: below `/api/v1/`, and pages of their own."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from coupon_site.api import PublicIdLookup
from orders.routers import OptionalSlashRouter
from vouchers.api import CheckView, DeviceViewSet, RedeemView, ScanView, VoidView, VoucherViewSet
from vouchers.views import voucher_page

router = OptionalSlashRouter()
router.register("vouchers", VoucherViewSet, basename="voucher")
router.register("devices", DeviceViewSet, basename="device")

urlpatterns = [
    *router.urls,
    re_path("^scan/check/?$", CheckView.as_view(), name="scan-check"),
    re_path("^scan/redeem/?$", RedeemView.as_view(), name="scan-redeem"),
    re_path(
        f"^scan/redemptions/(?P<id>{PublicIdLookup.lookup_value_regex})/void/?$", VoidView.as_view(), name="scan-void"
    ),
]

page_urlpatterns = [
    path("api/scan", csrf_exempt(ScanView.as_view()), name="scan"),
    path("vouchers/<str:token>/", voucher_page, name="voucher-page"),
]
