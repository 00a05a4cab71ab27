"""Every write of payments."""

from payments.services.attempts import charge_payment, open_payment, queue_payment, start_payment
from payments.services.polling import poll_payments, poll_refunds
from payments.services.refunds import cancel_refund, request_refund, retry_refund
from payments.services.reports import apply_payment_event, apply_report
from payments.services.sandbox_bank import open_charge, open_refund
from payments.services.webhooks import forget_receipts, receive_webhook

__all__ = [
    "apply_payment_event",
    "apply_report",
    "cancel_refund",
    "charge_payment",
    "forget_receipts",
    "open_charge",
    "open_payment",
    "open_refund",
    "poll_payments",
    "poll_refunds",
    "queue_payment",
    "receive_webhook",
    "request_refund",
    "retry_refund",
    "start_payment",
]
