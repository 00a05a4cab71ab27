"""Sales, their stock, and what each buyer may take."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money
from orders.models.catalogue import MAX_MINOR, Offer


class SalePhase(models.TextChoices):
    UPCOMING = "upcoming", "Upcoming"
    LIVE = "live", "Live"
    ENDED = "ended", "Ended"


class FlashSaleQuerySet(models.QuerySet["FlashSale"]):
    def in_phase(self, phase: SalePhase, *, at: datetime) -> Self:
        """The sales that are in a phase at an instant."""
        match phase:
            case SalePhase.ENDED:
                return self.filter(Q(ends_at__lte=at) | Q(closed_at__isnull=False))
            case SalePhase.UPCOMING:
                return self.not_over(at).filter(starts_at__gt=at)
            case SalePhase.LIVE:
                return self.not_over(at).filter(starts_at__lte=at)

    def not_over(self, at: datetime) -> Self:
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), closed_at__isnull=True)

    def live(self, at: datetime) -> Self:
        return self.in_phase(SalePhase.LIVE, at=at)

    def published(self) -> Self:
        return self.filter(offer__is_published=True)

    def with_bucket_count(self) -> Self:
        """Each with `bucket_count`."""
        buckets = SaleStock.objects.filter(sale=OuterRef("pk")).order_by().values("sale")
        return self.annotate(bucket_count=Subquery(buckets.annotate(count=Count("pk")).values("count")))


class FlashSale(models.Model):
    """An offer for sale in a window, at a price, with its own stock. Without an end it is the offer's ordinary sale."""

    bucket_count: int  # by `with_bucket_count`

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="sales")
    title = models.CharField(max_length=160)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: open-ended")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Closed by an operator, whatever the window says")
    price_minor = models.BigIntegerField()
    per_buyer_limit = models.PositiveIntegerField(default=10)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FlashSaleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="orders_flashsale_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(name="orders_flashsale_limit_positive", condition=Q(per_buyer_limit__gte=1)),
            models.CheckConstraint(
                name="orders_flashsale_price_in_range", condition=Q(price_minor__range=(0, MAX_MINOR))
            ),
            models.UniqueConstraint(
                name="orders_flashsale_one_open_ended",
                fields=["offer"],
                condition=Q(ends_at__isnull=True, closed_at__isnull=True),
            ),
        ]
        indexes = [
            # Live and upcoming sales are listed, gated and measured; the closed and ended ones pile up.
            models.Index(
                name="orders_flashsale_live_idx", fields=["ends_at", "starts_at"], condition=Q(closed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} at {format_money(self.price_minor, self.offer.currency)}"

    def phase(self, at: datetime) -> SalePhase:
        """What the sale is at an instant."""
        if self.closed_at is not None or (self.ends_at is not None and self.ends_at <= at):
            return SalePhase.ENDED
        return SalePhase.LIVE if self.starts_at <= at else SalePhase.UPCOMING

    def is_open(self, at: datetime) -> bool:
        return self.phase(at) == SalePhase.LIVE


class SaleStock(models.Model):
    """One bucket of a sale's units. A hot sale may spread them over several; a line is taken from one."""

    sale = models.ForeignKey(FlashSale, on_delete=models.PROTECT, related_name="stock", db_index=False)
    bucket = models.PositiveSmallIntegerField(default=0)
    total = models.PositiveIntegerField()
    reserved = models.PositiveIntegerField(default=0)
    sold = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="orders_salestock_bucket", fields=["sale", "bucket"]),
            models.CheckConstraint(
                name="orders_salestock_not_oversold",
                condition=Q(reserved__gte=0, sold__gte=0, total__gte=F("reserved") + F("sold")),
            ),
        ]

    def __str__(self) -> str:
        return f"bucket {self.bucket}: {self.available} of {self.total} left"

    @property
    def available(self) -> int:
        return self.total - self.reserved - self.sold


class BuyerAllowance(models.Model):
    """How much of a sale a buyer has taken, against the limit that held when it was taken."""

    sale = models.ForeignKey(FlashSale, on_delete=models.PROTECT, related_name="allowances", db_index=False)
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = models.PositiveIntegerField(default=0)
    limit = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="orders_buyerallowance_buyer", fields=["sale", "buyer"]),
            models.CheckConstraint(
                name="orders_buyerallowance_in_limit", condition=Q(quantity__gte=0, quantity__lte=F("limit"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.limit}"
