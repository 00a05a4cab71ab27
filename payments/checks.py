"""Settings that can't work."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from payments.models import CaptureMode, ProviderName
from payments.providers.registry import ADAPTERS


@register
def provider_is_known(**kwargs: Any) -> list[CheckMessage]:
    """Payments go to a provider that has an adapter."""
    if settings.PAYMENT_PROVIDER in ADAPTERS:
        return []
    hint = f"Set PAYMENT_PROVIDER to one of: {', '.join(sorted(ADAPTERS))}."
    return [Error(f"No adapter is named {settings.PAYMENT_PROVIDER!r}.", hint=hint, id="payments.E001")]


@register
def stripe_is_configured(**kwargs: Any) -> list[CheckMessage]:
    """Who pays through Stripe has its key, and hears what it tells."""
    if settings.PAYMENT_PROVIDER != ProviderName.STRIPE:
        return []
    missing = [name for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS") if not getattr(settings, name)]
    hint = "Both are in Stripe's dashboard: API keys; Webhooks, of the endpoint <site>/stripe/webhook."
    return [Error(f"Payments go to Stripe, but {name} is not set.", hint=hint, id="payments.E002") for name in missing]


@register
def capture_mode_is_known(**kwargs: Any) -> list[CheckMessage]:
    """Payments are captured at once, or authorised first."""
    if settings.PAYMENT_CAPTURE in CaptureMode.values:
        return []
    hint = f"Set PAYMENT_CAPTURE to one of: {', '.join(CaptureMode.values)}."
    return [Error(f"There is no capture mode {settings.PAYMENT_CAPTURE!r}.", hint=hint, id="payments.E003")]
