"""Who scans, and what a scan is worth."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from vouchers.answers import ScanResult
from vouchers.codes import parse_code
from vouchers.models import Redemption, RefusedScan, ScannerDevice, Voucher, VoucherState

RESULTS = {
    VoucherState.ISSUED: ScanResult.GIFT_LOCKED,
    VoucherState.ACTIVE: ScanResult.OK,
    VoucherState.GIFT_LOCKED: ScanResult.GIFT_LOCKED,
    VoucherState.REDEEMED: ScanResult.ALREADY_REDEEMED,
    VoucherState.EXPIRED: ScanResult.EXPIRED,
    VoucherState.CANCELLED: ScanResult.CANCELLED,
}


@dataclass(frozen=True, kw_only=True)
class ScanAnswer:
    """The answer to a scan: always a result; the voucher and the use where there are any."""

    result: ScanResult
    voucher: Voucher | None = None
    redemption: Redemption | None = None


def device_of_key(key: str) -> ScannerDevice | None:
    """The till that holds a key, revoked or not."""
    return ScannerDevice.objects.select_related("merchant").filter(digest=digest_of(key)).first()


def digest_of(key: str) -> str:
    """SHA-256: the key has 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def voucher_of_code(text: str) -> Voucher | None:
    """The voucher whose code was typed or scanned."""
    code = parse_code(text)
    return Voucher.objects.select_related("merchant", "offer", "owner").filter(code=code).first() if code else None


def judge(voucher: Voucher | None, *, device: ScannerDevice, at: datetime) -> ScanResult:
    """What a till is to be told about a voucher at an instant."""
    if voucher is None:
        return ScanResult.UNKNOWN
    if voucher.merchant_id != device.merchant_id:
        return ScanResult.WRONG_MERCHANT
    if at < voucher.valid_from and voucher.state == VoucherState.ACTIVE:
        return ScanResult.NOT_YET_VALID
    return RESULTS[voucher.state_at(at)]


def answer_given(*, device: ScannerDevice, nonce: str) -> ScanAnswer | None:
    """What this attempt was answered before, if it was made before."""
    names = {"device": device, "nonce": nonce}
    if use := Redemption.objects.select_related("voucher__merchant", "voucher__offer").filter(**names).first():
        return ScanAnswer(result=ScanResult.OK, voucher=use.voucher, redemption=use)
    if refusal := RefusedScan.objects.select_related("voucher__merchant", "voucher__offer").filter(**names).first():
        return ScanAnswer(result=ScanResult(refusal.result), voucher=refusal.voucher)
    return None
