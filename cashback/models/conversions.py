"""Purchases that networks report, and what is known of them."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Abs

from cashback.models.imports import ImportJob
from cashback.models.networks import Network
from coupon_site.identifiers import uuid7
from coupon_site.money import format_money

if TYPE_CHECKING:
    from cashback.models.events import CashbackEvent


class Conversion(models.Model):
    """An invoice as far as it is known: the sum of its lines. A cancellation's sum is negative."""

    cashback_event: "CashbackEvent"

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="conversions", db_index=False)
    external_id = models.CharField(max_length=64, db_collation="C", help_text="The network's own number")
    part = models.CharField(max_length=40, blank=True)
    is_cancellation = models.BooleanField(default=False)
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="conversions",
        db_index=False,
    )
    buyer_ref = models.CharField(max_length=64, blank=True, help_text="Empty: its lines name several")
    currency = models.CharField(max_length=3)
    gross_minor = models.BigIntegerField(default=0)
    cancelled_minor = models.BigIntegerField(default=0, help_text="The part that was matched with cancellations")
    lines = models.IntegerField(default=0)
    occurred_at = models.DateTimeField()
    content_hash = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="cashback_conversion_key", fields=["network", "external_id", "part"]),
            models.CheckConstraint(
                name="cashback_conversion_sign",
                condition=Q(is_cancellation=True, gross_minor__lte=0) | Q(is_cancellation=False, gross_minor__gte=0),
            ),
            models.CheckConstraint(
                name="cashback_conversion_cancelled_in_gross",
                condition=Q(cancelled_minor__gte=0, cancelled_minor__lte=Abs(F("gross_minor"))),
            ),
        ]
        indexes = [
            # Cancellations are matched among the purchases of one customer.
            models.Index(name="cashback_conversion_buyer_idx", fields=["network", "buyer_ref"]),
            # A user's own conversions, newest first.
            models.Index(
                name="cashback_conversion_user_idx", fields=["buyer", "-id"], condition=Q(buyer__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id}: {format_money(self.gross_minor, self.currency)}"


class ConversionLine(models.Model):
    """A line that a file reports of a conversion, and how often it does.

    In files that belong to one series, as its pieces, equal lines add up. In others they are the same line: the largest
    count holds.
    """

    pk = models.CompositePrimaryKey("conversion_id", "line_hash", "job_id")
    conversion = models.ForeignKey(Conversion, on_delete=models.CASCADE, related_name="known_lines", db_index=False)
    # The statement that writes a line has just read its job: no need to check that for each of millions.
    job = models.ForeignKey(ImportJob, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    line_hash = models.UUIDField()
    buyer_ref = models.CharField(max_length=64)
    item = models.CharField(max_length=64, blank=True)
    quantity = models.IntegerField()
    amount_minor = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    version = models.DateTimeField(null=True, help_text="Where lines replace each other: the latest one counts")
    copies = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="cashback_conversionline_copies", condition=Q(copies__gte=1)),
        ]
        indexes = [
            # Which customers have cancelled what: few of all lines.
            models.Index(
                name="cashback_conversionline_cancel", fields=["buyer_ref", "item"], condition=Q(quantity__lt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item}"


class ConversionRevision(models.Model):
    """What was known of a conversion after an import that changed it."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    conversion = models.ForeignKey(Conversion, on_delete=models.CASCADE, related_name="revisions", db_index=False)
    job = models.ForeignKey(ImportJob, on_delete=models.PROTECT, related_name="revisions")
    content_hash = models.CharField(max_length=32)
    gross_minor = models.BigIntegerField()
    cancelled_minor = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="cashback_conversionrevision_content", fields=["conversion", "content_hash"]),
        ]

    def __str__(self) -> str:
        return f"{self.conversion_id}: {self.gross_minor} - {self.cancelled_minor}"


class CancellationMatch(models.Model):
    """Which purchase a cancelled item belongs to. Worked out anew when a line of that customer and item arrives."""

    purchase = models.ForeignKey(Conversion, on_delete=models.CASCADE, related_name="cancellations", db_index=False)
    cancellation = models.ForeignKey(Conversion, on_delete=models.CASCADE, related_name="cancelled_purchases")
    item = models.CharField(max_length=64, blank=True)
    lines = models.IntegerField(help_text="Cancelled lines")
    quantity = models.IntegerField()
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="cashback_cancellationmatch_key", fields=["purchase", "cancellation", "item"]),
            models.CheckConstraint(
                name="cashback_cancellationmatch_sizes", condition=Q(lines__gte=1, quantity__gte=1, amount_minor__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item}"
