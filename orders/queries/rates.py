"""What offers give back now: what they name themselves, unless an app above knows of something else."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable

from orders.models import Offer

Rate = Callable[[datetime], Combinable]
_rates: list[Rate] = []


def replace_rate(rate: Rate) -> None:
    """Show `rate`, an expression over offers, in place of what each names."""
    _rates[:] = [rate]


def with_rate(offers: QuerySet[Offer], *, at: datetime) -> QuerySet[Offer]:
    """The same offers, each with its `rate` in basis points."""
    return offers.annotate(rate=_rates[0](at) if _rates else F("cashback_basis_points"))
