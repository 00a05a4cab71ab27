"""Tables of payments."""

from payments.models.payment import (
    CURRENCY,
    LIVE_STATES,
    OPEN_STATES,
    Payment,
    PaymentQuerySet,
    PaymentState,
    ProviderName,
)
from payments.models.refund import Refund, RefundQuerySet, RefundState
from payments.models.sandbox import ChargeState, SandboxCharge, SandboxRefund
from payments.models.webhook import ReceiptOutcome, WebhookReceipt

__all__ = [
    "CURRENCY",
    "LIVE_STATES",
    "OPEN_STATES",
    "ChargeState",
    "Payment",
    "PaymentQuerySet",
    "PaymentState",
    "ProviderName",
    "ReceiptOutcome",
    "Refund",
    "RefundQuerySet",
    "RefundState",
    "SandboxCharge",
    "SandboxRefund",
    "WebhookReceipt",
]
