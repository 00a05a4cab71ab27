"""Money is integer minor units and an ISO 4217 currency; shares are rounded half-up, once."""

from decimal import ROUND_HALF_UP, Decimal, DecimalException

from django.conf import settings

BASIS_POINTS = 10_000
# Currencies whose minor unit is not a hundredth (ISO 4217).
EXPONENTS = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "HUF": 2,
    "KWD": 3,
    "BHD": 3,
    "JOD": 3,
    "OMR": 3,
    "TND": 3,
}


def exponent_of(currency: str) -> int:
    """Decimal places of a currency."""
    return EXPONENTS.get(currency, 2)


def share_of(minor: int, *, basis_points: int) -> int:
    """A share of an amount in minor units, rounded half away from zero."""
    share = Decimal(minor) * basis_points / BASIS_POINTS
    return int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def parse_minor(amount: str | Decimal, currency: str) -> int:
    """Minor units of a decimal amount, rounded half away from zero. Raises ValueError when it is no finite number."""
    try:
        value = Decimal(amount)
        return int(value.scaleb(exponent_of(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except (DecimalException, OverflowError, ValueError) as error:
        raise ValueError(f"not an amount of money: {amount!r}") from error


def format_money(minor: int, currency: str) -> str:
    """`GBP 1,234.50`."""
    places = exponent_of(currency)
    return f"{currency} {Decimal(minor).scaleb(-places):,.{places}f}"


def usd_of(minor: int, currency: str) -> float:
    """Dollars by the site's rates, for figures; an unknown currency counts nothing rather than something wrong."""
    return float(minor / 10 ** exponent_of(currency) * settings.USD_RATES.get(currency, 0.0))
