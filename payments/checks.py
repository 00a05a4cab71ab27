"""Settings that can't work."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from payments.providers.registry import ADAPTERS


@register
def provider_is_known(**kwargs: Any) -> list[CheckMessage]:
    """Payments go to a provider that has an adapter."""
    if settings.PAYMENT_PROVIDER in ADAPTERS:
        return []
    hint = f"Set PAYMENT_PROVIDER to one of: {', '.join(sorted(ADAPTERS))}."
    return [Error(f"No adapter is named {settings.PAYMENT_PROVIDER!r}.", hint=hint, id="payments.E001")]
