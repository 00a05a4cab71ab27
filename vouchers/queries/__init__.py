"""Reads of vouchers and gifts."""

from vouchers.queries.figures import tickets_active_total
from vouchers.queries.gifts import gift_of_token, refusal_of
from vouchers.queries.invariants import INVARIANTS
from vouchers.queries.scans import ScanAnswer, answer_given, device_of_key, digest_of, judge, voucher_of_code

__all__ = [
    "INVARIANTS",
    "ScanAnswer",
    "answer_given",
    "device_of_key",
    "digest_of",
    "gift_of_token",
    "judge",
    "refusal_of",
    "tickets_active_total",
    "voucher_of_code",
]
