"""Screens of payments."""

from payments.admin.disputes import DisputeAdmin
from payments.admin.payments import PaymentAdmin
from payments.admin.refunds import RefundAdmin
from payments.admin.webhooks import WebhookReceiptAdmin

__all__ = ["DisputeAdmin", "PaymentAdmin", "RefundAdmin", "WebhookReceiptAdmin"]
