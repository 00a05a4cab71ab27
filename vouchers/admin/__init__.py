"""Screens for operators."""

from vouchers.admin.gifts import GiftAdmin
from vouchers.admin.tills import RedemptionAdmin, ScannerDeviceAdmin
from vouchers.admin.vouchers import VoucherAdmin

__all__ = ["GiftAdmin", "RedemptionAdmin", "ScannerDeviceAdmin", "VoucherAdmin"]
