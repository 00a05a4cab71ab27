"""REST of vouchers and gifts: for customers, for tills, for operators."""

from vouchers.api.devices import DeviceViewSet
from vouchers.api.gifts import GiftViewSet
from vouchers.api.scans import AboutView, CheckView, RedeemView, ScanView, VoidView
from vouchers.api.vouchers import VoucherOut, VoucherViewSet

__all__ = [
    "AboutView",
    "CheckView",
    "DeviceViewSet",
    "GiftViewSet",
    "RedeemView",
    "ScanView",
    "VoidView",
    "VoucherOut",
    "VoucherViewSet",
]
