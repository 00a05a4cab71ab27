"""Refusals of vouchers. Scans answer with a result of their own, see `ScanResult`."""

from coupon_site.errors import DomainError


class DeviceRevoked(DomainError):
    status = 403
    code = "device_revoked"
    title = "This till's key was revoked"


class VouchersUsed(DomainError):
    code = "vouchers_used"
    title = "Vouchers of the order were used or given away"


class VoidWindowOver(DomainError):
    code = "void_window_over"
    title = "It is too late to take the scan back"


class NotAUse(DomainError):
    code = "not_a_use"
    title = "Only a use can be taken back"


class CodeHidden(DomainError):
    code = "gift_locked"
    title = "The voucher waits to be claimed as a gift"


class VoucherCancelled(DomainError):
    code = "voucher_cancelled"
    title = "The voucher was cancelled"


class CodesExhausted(RuntimeError):
    """New codes keep meeting codes that exist: the source of randomness is broken."""
