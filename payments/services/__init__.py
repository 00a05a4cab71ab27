"""Every write of payments."""

from payments.services.attempts import charge_payment, open_payment, queue_payment, start_payment
from payments.services.authorizations import (
    capture_payment,
    close_failed,
    let_go_unwanted,
    release_payment,
    void_payment,
)
from payments.services.polling import find_disputes, poll_disputes, poll_payments, poll_refunds, refresh_payment
from payments.services.refunds import cancel_refund, request_refund, retry_refund
from payments.services.reports import apply_payment_event, apply_report
from payments.services.sandbox_bank import capture_charge, open_charge, open_refund, void_charge
from payments.services.webhooks import forget_receipts, receive_webhook

__all__ = [
    "apply_payment_event",
    "apply_report",
    "cancel_refund",
    "capture_charge",
    "capture_payment",
    "charge_payment",
    "close_failed",
    "find_disputes",
    "forget_receipts",
    "let_go_unwanted",
    "open_charge",
    "open_payment",
    "open_refund",
    "poll_disputes",
    "poll_payments",
    "poll_refunds",
    "queue_payment",
    "receive_webhook",
    "refresh_payment",
    "release_payment",
    "request_refund",
    "retry_refund",
    "start_payment",
    "void_charge",
    "void_payment",
]
