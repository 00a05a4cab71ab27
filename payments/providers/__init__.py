"""Providers take the money. Each is an adapter of one shape, found by its name."""

from payments.providers.interface import ChargeReport, DisputeReport, PaymentProvider, ProviderEvent, RefundReport
from payments.providers.registry import adapter_of, current_provider, report_of_webhook

__all__ = [
    "ChargeReport",
    "DisputeReport",
    "PaymentProvider",
    "ProviderEvent",
    "RefundReport",
    "adapter_of",
    "current_provider",
    "report_of_webhook",
]
