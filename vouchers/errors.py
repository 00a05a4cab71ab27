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


class GiftUnknown(DomainError):
    status = 404
    code = "gift_unknown"
    title = "No gift belongs to this link"


class GiftNotReady(DomainError):
    code = "gift_not_ready"
    title = "The gift can't be opened yet"


class GiftAlreadyClaimed(DomainError):
    code = "gift_already_claimed"
    title = "The gift was opened already"


class GiftCalledOff(DomainError):
    code = "gift_revoked"
    title = "The giver has taken the gift back"


class GiftOver(DomainError):
    code = "gift_expired"
    title = "The gift was not opened in time"


class NotMailed(DomainError):
    code = "not_mailed"
    title = "The gift has no mail to send again"


class CodesExhausted(RuntimeError):
    """New codes keep meeting codes that exist: the source of randomness is broken."""
