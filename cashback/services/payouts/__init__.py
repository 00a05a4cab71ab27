"""Payouts: asked for, approved by a second person, sent once, and settled when the bank says so."""

from cashback.services.payouts.deciding import approve_payout, reject_payout
from cashback.services.payouts.failing import retry_payout, return_payout
from cashback.services.payouts.polling import poll_payouts
from cashback.services.payouts.reporting import apply_report
from cashback.services.payouts.requesting import request_payout
from cashback.services.payouts.sending import send_payout

__all__ = [
    "apply_report",
    "approve_payout",
    "poll_payouts",
    "reject_payout",
    "request_payout",
    "retry_payout",
    "return_payout",
    "send_payout",
]
