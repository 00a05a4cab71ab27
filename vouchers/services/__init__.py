"""Everything that changes vouchers and gifts."""

from vouchers.services.claiming import claim_gift
from vouchers.services.devices import keep_device, register_device, rename_device, revoke_device, rotate_key
from vouchers.services.endings import expire_vouchers, forget_refusals, take_back_vouchers, withdraw_vouchers
from vouchers.services.giving import create_gift, renew_link
from vouchers.services.issuing import issue_vouchers
from vouchers.services.returning import expire_gifts, return_gift, revoke_gift
from vouchers.services.scanning import check_voucher, redeem_voucher, refuse_revoked
from vouchers.services.sending import deliver_due, send_again, send_gift
from vouchers.services.voiding import void_redemption

__all__ = [
    "check_voucher",
    "claim_gift",
    "create_gift",
    "deliver_due",
    "expire_gifts",
    "expire_vouchers",
    "forget_refusals",
    "issue_vouchers",
    "keep_device",
    "redeem_voucher",
    "refuse_revoked",
    "register_device",
    "rename_device",
    "renew_link",
    "return_gift",
    "revoke_device",
    "revoke_gift",
    "rotate_key",
    "send_again",
    "send_gift",
    "take_back_vouchers",
    "void_redemption",
    "withdraw_vouchers",
]
