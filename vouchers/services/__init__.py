"""Everything that changes vouchers."""

from vouchers.services.devices import keep_device, register_device, rename_device, revoke_device
from vouchers.services.endings import expire_vouchers, forget_refusals, take_back_vouchers
from vouchers.services.issuing import issue_vouchers
from vouchers.services.scanning import check_voucher, redeem_voucher
from vouchers.services.voiding import void_redemption

__all__ = [
    "check_voucher",
    "expire_vouchers",
    "forget_refusals",
    "issue_vouchers",
    "keep_device",
    "redeem_voucher",
    "register_device",
    "rename_device",
    "revoke_device",
    "take_back_vouchers",
    "void_redemption",
]
