"""REST of vouchers: for customers, for tills, for operators."""

from vouchers.api.devices import DeviceViewSet
from vouchers.api.scans import CheckView, RedeemView, ScanView, VoidView
from vouchers.api.vouchers import VoucherOut, VoucherViewSet

__all__ = ["CheckView", "DeviceViewSet", "RedeemView", "ScanView", "VoidView", "VoucherOut", "VoucherViewSet"]
