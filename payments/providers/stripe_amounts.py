"""Stripe counts money as ISO 4217 does, with exceptions: https://docs.stripe.com/currencies."""

from fractions import Fraction
from typing import Final

from coupon_site.money import exponent_of
from payments.errors import ProviderRefused

ZERO_DECIMAL: Final = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905  a table to compare with
)
THREE_DECIMAL: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Its last digit must be 0. ISK and UGX, though without decimals, are sent with two."""


def stripe_exponent(currency: str) -> int:
    """Decimal places of a currency at Stripe."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def to_stripe(minor: int, currency: str) -> int:
    """Our minor units as Stripe counts them. Raises ProviderRefused for an amount that Stripe can't take."""
    amount = minor * scale(currency)
    if amount.denominator != 1 or (currency in THREE_DECIMAL and amount % 10):
        raise ProviderRefused(f"Stripe takes no {minor} minor units of {currency}")
    return int(amount)


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's units as our minor units; what we never sent is rounded down."""
    return int(amount / scale(currency))


def scale(currency: str) -> Fraction:
    return Fraction(10) ** (stripe_exponent(currency) - exponent_of(currency))
