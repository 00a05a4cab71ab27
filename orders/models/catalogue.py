"""Who sells, and what."""

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money

if TYPE_CHECKING:
    from accounts.models import User

# Ten lines of a thousand units stay far below what a bigint holds.
MAX_MINOR = 10**12


def validate_timezone(name: str) -> None:
    """Refuse what the IANA database doesn't name."""
    if name not in available_timezones():
        raise ValidationError(f"{name} is not a time zone; write it like Europe/London.", code="unknown_timezone")


class MerchantQuerySet(models.QuerySet["Merchant"]):
    def visible_to(self, user: "User") -> Self:
        """All for those who look after merchants, their own for a merchant's people."""
        return self if user.has_perm("orders.change_merchant") else self.filter(members=user)


class Merchant(models.Model):
    """Someone at whose till vouchers are worth something."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    name = models.CharField(max_length=120, unique=True)
    timezone = models.CharField(
        max_length=60,
        default="UTC",
        validators=[validate_timezone],
        help_text="IANA name; vouchers end with a day there",
    )
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="merchants", blank=True, help_text="People who may see this merchant"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MerchantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="orders_merchant_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class GiftPolicy(models.TextChoices):
    ALLOWED = "allowed", "May be given away"
    FORBIDDEN = "forbidden", "For the buyer only"


class OfferQuerySet(models.QuerySet["Offer"]):
    def published(self) -> Self:
        return self.filter(is_published=True)


class Offer(models.Model):
    """What a voucher is good for, what it costs outside of flash sales, and the rules its vouchers follow."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="offers")
    title = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    value_minor = models.BigIntegerField(help_text="Worth at the till")
    price_minor = models.BigIntegerField(help_text="Price outside of flash sales")
    currency = models.CharField(max_length=3)
    cashback_basis_points = models.PositiveIntegerField(default=0, help_text="Cashback on what is paid; 250 is 2.5 %")
    valid_from = models.DateTimeField(null=True, blank=True, help_text="Vouchers can't be used before; empty: at once")
    valid_days = models.PositiveIntegerField(default=365, help_text="Days from issue to a voucher's last day")
    last_date = models.DateField(
        null=True, blank=True, help_text="No voucher is valid after this day in the merchant's zone"
    )
    uses_per_voucher = models.PositiveIntegerField(default=1)
    gift_policy = models.CharField(max_length=20, choices=GiftPolicy, default=GiftPolicy.ALLOWED)
    void_window_seconds = models.PositiveIntegerField(default=900, help_text="How long a scan may be taken back")
    is_published = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="orders_offer_price_in_range", condition=Q(price_minor__range=(0, MAX_MINOR))),
            models.CheckConstraint(name="orders_offer_value_in_range", condition=Q(value_minor__range=(1, MAX_MINOR))),
            models.CheckConstraint(name="orders_offer_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")),
            models.CheckConstraint(
                name="orders_offer_cashback_in_price", condition=Q(cashback_basis_points__lte=10_000)
            ),
            models.CheckConstraint(name="orders_offer_usable", condition=Q(uses_per_voucher__gte=1, valid_days__gte=1)),
            models.CheckConstraint(name="orders_offer_gift_policy", condition=Q(gift_policy__in=GiftPolicy.values)),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({format_money(self.value_minor, self.currency)})"

    @property
    def is_giftable(self) -> bool:
        return self.gift_policy == GiftPolicy.ALLOWED

    def voucher_expiry(self, issued_at: datetime) -> datetime:
        """The UTC instant at which the last valid day ends in the merchant's zone."""
        last = issued_at.astimezone(self.merchant.zone).date() + timedelta(days=self.valid_days)
        if self.last_date:
            last = min(last, self.last_date)
        return datetime.combine(last + timedelta(days=1), time.min, tzinfo=self.merchant.zone).astimezone(UTC)
