"""Tables of vouchers, of the tills that take them, and of gifts."""

from vouchers.models.gift import ENDED_GIFTS, OPEN_GIFTS, Gift, GiftQuerySet, GiftState, new_seed
from vouchers.models.till import Redemption, RefusedScan, ScannerDevice
from vouchers.models.voucher import Voucher, VoucherQuerySet, VoucherState

__all__ = [
    "ENDED_GIFTS",
    "OPEN_GIFTS",
    "Gift",
    "GiftQuerySet",
    "GiftState",
    "Redemption",
    "RefusedScan",
    "ScannerDevice",
    "Voucher",
    "VoucherQuerySet",
    "VoucherState",
    "new_seed",
]
