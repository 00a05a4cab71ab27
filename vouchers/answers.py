"""What a till is told."""

from django.db.models import TextChoices


class ScanResult(TextChoices):
    """The closed list of answers to a scan."""

    OK = "ok", "Valid"
    ALREADY_REDEEMED = "already_redeemed", "Already redeemed"
    NOT_YET_VALID = "not_yet_valid", "Not valid yet"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    WRONG_MERCHANT = "wrong_merchant", "Another merchant's voucher"
    GIFT_LOCKED = "gift_locked", "Waits to be claimed as a gift"
    UNKNOWN = "unknown", "Unknown code"
    DEVICE_REVOKED = "device_revoked", "The till's key was revoked"
