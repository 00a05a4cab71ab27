"""Tables of payments."""

from payments.models.dispute import UNDECIDED, Dispute, DisputeQuerySet, DisputeState
from payments.models.payment import (
    CONTESTED_STATES,
    CURRENCY,
    LIVE_STATES,
    OPEN_STATES,
    CaptureMode,
    Decision,
    Payment,
    PaymentQuerySet,
    PaymentState,
    ProviderName,
)
from payments.models.refund import Refund, RefundQuerySet, RefundState
from payments.models.sandbox import ChargeState, ClaimState, SandboxCharge, SandboxRefund
from payments.models.webhook import ReceiptOutcome, WebhookReceipt

__all__ = [
    "CONTESTED_STATES",
    "CURRENCY",
    "LIVE_STATES",
    "OPEN_STATES",
    "UNDECIDED",
    "CaptureMode",
    "ChargeState",
    "ClaimState",
    "Decision",
    "Dispute",
    "DisputeQuerySet",
    "DisputeState",
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
