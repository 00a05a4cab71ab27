"""Reads of vouchers: who scans, what a scan is worth, what must always hold, and figures for monitoring."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

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


def tickets_active_total() -> int:
    """Vouchers that can be used now or later."""
    return Voucher.objects.filter(state=VoucherState.ACTIVE, expires_at__gt=timezone.now()).count()


def count(sql: str, **values: datetime) -> int:
    """The number of rows that a counting statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def sold_lines_with_wrong_vouchers() -> int:
    """Lines of fulfilled orders that have not exactly one voucher per unit."""
    return count(
        """
        SELECT count(*) FROM (
            SELECT line.id FROM orders_orderline line
            JOIN orders_order parent ON parent.id = line.order_id
            LEFT JOIN vouchers_voucher voucher ON voucher.line_id = line.id
            WHERE parent.state = 'fulfilled'
            GROUP BY line.id
            HAVING count(voucher.id) <> line.quantity OR max(voucher.unit_no) >= line.quantity
        ) broken
        """
    )


def paid_orders_without_vouchers() -> int:
    """Paid orders that still wait for their vouchers after the grace period."""
    return count(
        "SELECT count(*) FROM orders_order WHERE state = 'paid' AND paid_at < %(late)s",
        late=timezone.now() - timedelta(seconds=settings.RECONCILE_GRACE_SECONDS),
    )


def uses_that_differ() -> int:
    """Vouchers whose counter is not the number of uses that were not taken back."""
    return count(
        """
        SELECT count(*) FROM vouchers_voucher voucher
        LEFT JOIN (
            SELECT voucher_id, count(*) FILTER (WHERE voids_id IS NULL) - count(voids_id) AS uses
            FROM vouchers_redemption GROUP BY voucher_id
        ) taken ON taken.voucher_id = voucher.id
        WHERE voucher.uses_done <> coalesce(taken.uses, 0)
        """
    )


def redeemed_with_uses_left() -> int:
    """Vouchers called redeemed that aren't used up, or used up ones that a till would take."""
    return count(
        """
        SELECT count(*) FROM vouchers_voucher
        WHERE (state = 'redeemed' AND uses_done < uses_total) OR (state = 'active' AND uses_done = uses_total)
        """
    )


def vouchers_of_refunded_orders() -> int:
    """Vouchers that can still be used although their order was refunded."""
    return count(
        """
        SELECT count(*) FROM vouchers_voucher voucher
        JOIN orders_orderline line ON line.id = voucher.line_id
        JOIN orders_order parent ON parent.id = line.order_id
        WHERE voucher.state = 'active' AND parent.state = 'refunded'
        """
    )


INVARIANTS: dict[str, Callable[[], int]] = {
    "sold_lines_with_wrong_vouchers": sold_lines_with_wrong_vouchers,
    "paid_orders_without_vouchers": paid_orders_without_vouchers,
    "voucher_uses_that_differ": uses_that_differ,
    "vouchers_redeemed_with_uses_left": redeemed_with_uses_left,
    "vouchers_of_refunded_orders": vouchers_of_refunded_orders,
}
"""What must find nothing: name → number of broken rows."""
