"""How orders are doing right now: what a sample of the live stream and a slot of the window are made of."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from django.conf import settings
from django.db.models import Aggregate, Avg, Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum

from coupon_site.money import format_money
from orders.models import FlashSale, Order, OrderState

MINUTE = timedelta(minutes=1)
RECENT = timedelta(minutes=5)
SHOWN_SALES = 5

SUCCEEDED = (OrderState.PAID, OrderState.FULFILLED)
FAILED = (OrderState.EXPIRED, OrderState.CANCELLED, OrderState.REFUNDED)


class Amount(TypedDict):
    """Money of one currency; `text` is the number as people write it."""

    currency: str
    minor: int
    text: str


class SaleStock(TypedDict):
    """A running sale and where its units are."""

    id: str
    title: str
    ends_at: datetime | None
    total: int
    reserved: int
    sold: int


class Percentile95(Aggregate):
    """PostgreSQL's continuous 95th percentile."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.95) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def waiting_or_recent(at: datetime) -> QuerySet[Order]:
    """Orders young enough to be still on their way; those that come later are an exception of their own."""
    return Order.objects.filter(created_at__gt=at - timedelta(seconds=settings.ORDER_HOLD_SECONDS) - RECENT)


def pace(at: datetime) -> dict[str, Any]:
    """Orders of the last minute, and how long the recently fulfilled ones took."""
    took = ExpressionWrapper(F("fulfilled_at") - F("created_at"), output_field=DurationField())
    fulfilled = Q(fulfilled_at__gt=at - RECENT)
    row = waiting_or_recent(at).aggregate(
        orders_per_minute=Count("pk", filter=Q(created_at__gt=at - MINUTE)),
        fulfilled_per_minute=Count("pk", filter=Q(fulfilled_at__gt=at - MINUTE)),
        average=Avg(took, filter=fulfilled),
        p95=Percentile95(took, filter=fulfilled),
    )
    return {
        "orders_per_minute": row["orders_per_minute"],
        "fulfilled_per_minute": row["fulfilled_per_minute"],
        "latency_avg_seconds": seconds(row["average"]),
        "latency_p95_seconds": seconds(row["p95"]),
    }


def seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else round(duration.total_seconds(), 3)


def today(at: datetime) -> dict[str, Any]:
    """Money and orders since midnight UTC."""
    # By the moment of making, which is indexed: money is rarely more than a day late.
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    paid = Order.objects.filter(created_at__gte=midnight - timedelta(days=1), paid_at__gte=midnight)
    rows = list(
        paid.values("currency")
        .annotate(
            revenue=Sum(F("total_minor") - F("refunded_minor")),
            paid=Count("pk"),
            fulfilled=Count("pk", filter=Q(fulfilled_at__gte=midnight)),
        )
        .order_by("-revenue")
    )
    return {
        "revenue_today": [amount(row["revenue"], row["currency"]) for row in rows],
        "paid_today": sum(row["paid"] for row in rows),
        "fulfilled_today": sum(row["fulfilled"] for row in rows),
    }


def amount(minor: int, currency: str) -> Amount:
    return {"currency": currency, "minor": minor, "text": format_money(minor, currency).removeprefix(f"{currency} ")}


def running_sales(at: datetime, *, limit: int = SHOWN_SALES) -> list[SaleStock]:
    """Live sales with their stock over all buckets: those that end first, then the open-ended ones that sell best."""
    sales = (
        FlashSale.objects.live(at)
        .annotate(total=Sum("stock__total"), reserved=Sum("stock__reserved"), sold=Sum("stock__sold"))
        .filter(total__isnull=False)
        .order_by(F("ends_at").asc(nulls_last=True), "-sold", "-id")
        .values_list("public_id", "title", "ends_at", "total", "reserved", "sold")[:limit]
    )
    return [
        SaleStock(id=str(public_id), title=title, ends_at=ends_at, total=total, reserved=reserved, sold=sold)
        for public_id, title, ends_at, total, reserved, sold in sales
    ]


def outcomes(*, since: datetime) -> dict[str, int]:
    """Orders made since then: how many succeeded, failed, and wait."""
    counted: Mapping[str, int] = dict(
        Order.objects.filter(created_at__gte=since).values_list("state").annotate(number=Count("pk"))
    )
    return {
        "success": sum(counted.get(state, 0) for state in SUCCEEDED),
        "failed": sum(counted.get(state, 0) for state in FAILED),
        "pending": counted.get(OrderState.RESERVED, 0),
    }


def created_between(since: datetime, until: datetime) -> int:
    return Order.objects.filter(created_at__gte=since, created_at__lt=until).count()


def fulfilled_between(since: datetime, until: datetime) -> list[tuple[int, int]]:
    """Of each order fulfilled in that time: milliseconds since it was made, and since it was paid."""
    rows = (
        waiting_or_recent(since)
        .filter(fulfilled_at__gte=since, fulfilled_at__lt=until)
        .values_list("created_at", "paid_at", "fulfilled_at")
    )
    return [(milliseconds(done - made), milliseconds(done - (paid or made))) for made, paid, done in rows if done]


def milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
