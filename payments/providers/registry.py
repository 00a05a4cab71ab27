"""Adapters by name."""

from collections.abc import Callable, Mapping
from functools import cache

import orjson
from django.conf import settings

from payments.models import ProviderName, WebhookReceipt
from payments.providers.interface import PaymentProvider, ProviderEvent
from payments.providers.sandbox import SandboxProvider
from payments.providers.stripe import StripeProvider

ADAPTERS: Mapping[str, Callable[[], PaymentProvider]] = {
    ProviderName.SANDBOX.value: SandboxProvider,
    ProviderName.STRIPE.value: StripeProvider,
}


def adapter_of(name: str) -> PaymentProvider:
    """The adapter of a provider; one per process, because it keeps its connections."""
    return made(str(name))  # a choice and its text are one name


@cache
def made(name: str) -> PaymentProvider:
    return ADAPTERS[name]()


def current_provider() -> PaymentProvider:
    """Where new payments go."""
    return adapter_of(settings.PAYMENT_PROVIDER)


def report_of_webhook(receipt: WebhookReceipt) -> ProviderEvent | None:
    """What a stored webhook reports; None when it is about nothing of ours."""
    return adapter_of(receipt.provider).report_of(orjson.loads(receipt.body))
