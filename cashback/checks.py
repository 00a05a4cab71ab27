"""Settings that can't work."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from cashback.providers import ADAPTERS


@register
def bank_is_known(**kwargs: Any) -> list[CheckMessage]:
    """Payouts go to a bank that has an adapter."""
    if settings.PAYOUT_PROVIDER in ADAPTERS:
        return []
    hint = f"Set PAYOUT_PROVIDER to one of: {', '.join(sorted(ADAPTERS))}."
    return [Error(f"No bank is named {settings.PAYOUT_PROVIDER!r}.", hint=hint, id="cashback.E001")]
