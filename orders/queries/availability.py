"""What can be bought now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from orders.gate import SaleTokens
from orders.models import FlashSale, SalePhase, SaleStock

GATE_AHEAD = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Availability:
    """What can be bought of a sale now."""

    sale: FlashSale
    phase: SalePhase
    available: int
    total: int


def availability_of(sale: FlashSale, *, at: datetime) -> Availability:
    """Units summed over buckets; nothing is available of a sale that is not live."""
    sums = SaleStock.objects.filter(sale=sale).aggregate(
        total=Coalesce(Sum("total"), 0), taken=Coalesce(Sum(F("reserved") + F("sold")), 0)
    )
    phase = sale.phase(at)
    left = sums["total"] - sums["taken"] if phase == SalePhase.LIVE else 0
    return Availability(sale=sale, phase=phase, available=left, total=sums["total"])


def tokens_of_sales(*, at: datetime) -> list[SaleTokens]:
    """What the gate needs to know of sales that are live or about to be."""
    sales = (
        FlashSale.objects.live(at + GATE_AHEAD)
        .annotate(left=Sum(F("stock__total") - F("stock__reserved") - F("stock__sold")))
        .values_list("public_id", "starts_at", "ends_at", "left")
    )
    return [
        SaleTokens(sale=sale, starts_at=starts_at, ends_at=ends_at, tokens=left or 0)
        for sale, starts_at, ends_at, left in sales
    ]
