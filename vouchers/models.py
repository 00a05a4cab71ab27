"""Tables of vouchers and of the tills that take them."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money
from orders.models import Merchant, Offer, OrderLine
from vouchers.answers import ScanResult
from vouchers.codes import grouped

if TYPE_CHECKING:
    from accounts.models import User


class VoucherState(models.TextChoices):
    ISSUED = "issued", "Issued"
    ACTIVE = "active", "Active"
    GIFT_LOCKED = "gift_locked", "Locked for a gift"
    REDEEMED = "redeemed", "Redeemed"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


# Time still runs for these.
LIVE_STATES = (VoucherState.ACTIVE, VoucherState.GIFT_LOCKED)


class VoucherQuerySet(models.QuerySet["Voucher"]):
    def visible_to(self, user: "User") -> Self:
        """A customer's own; a code is worth money, so staff look in the admin."""
        return self.filter(owner=user)

    def overdue(self, at: datetime) -> Self:
        """Live vouchers whose last day is over, the oldest first."""
        return self.filter(state__in=LIVE_STATES, expires_at__lte=at).order_by("expires_at")

    def of_order(self, order_id: int) -> Self:
        return self.filter(line__order_id=order_id)


class Voucher(models.Model):
    """One unit of an order line, worth `value_minor` at its merchant's tills. Active at once, unless bought to give."""

    TRANSITIONS: ClassVar[Mapping[VoucherState, frozenset[VoucherState]]] = {
        VoucherState.ISSUED: frozenset({VoucherState.ACTIVE, VoucherState.GIFT_LOCKED}),
        VoucherState.ACTIVE: frozenset(
            {VoucherState.GIFT_LOCKED, VoucherState.REDEEMED, VoucherState.EXPIRED, VoucherState.CANCELLED}
        ),
        VoucherState.GIFT_LOCKED: frozenset({VoucherState.ACTIVE, VoucherState.EXPIRED}),
        VoucherState.REDEEMED: frozenset({VoucherState.ACTIVE}),  # the last scan was taken back
        VoucherState.EXPIRED: frozenset(),
        VoucherState.CANCELLED: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    code = models.CharField(max_length=17, unique=True, editable=False)
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="vouchers", db_index=False)
    unit_no = models.PositiveIntegerField(help_text="Which unit of the line, from 0")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="vouchers", db_index=False
    )
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="vouchers")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="vouchers")
    value_minor = models.BigIntegerField(help_text="Worth at the till, as it was sold")
    currency = models.CharField(max_length=3)
    uses_total = models.PositiveIntegerField(default=1)
    uses_done = models.PositiveIntegerField(default=0)
    valid_from = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="The end of the last valid day in the merchant's zone")
    state = models.CharField(max_length=20, choices=VoucherState, default=VoucherState.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VoucherQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="vouchers_voucher_unit", fields=["line", "unit_no"]),
            models.CheckConstraint(name="vouchers_voucher_state_known", condition=Q(state__in=VoucherState.values)),
            models.CheckConstraint(
                name="vouchers_voucher_uses_in_total",
                condition=Q(uses_total__gte=1, uses_done__gte=0, uses_done__lte=F("uses_total")),
            ),
            models.CheckConstraint(name="vouchers_voucher_value_positive", condition=Q(value_minor__gt=0)),
        ]
        indexes = [
            # A customer's own list, newest first.
            models.Index(name="vouchers_voucher_owner_idx", fields=["owner", "-id"]),
            # expire_vouchers walks the live ones, oldest first.
            models.Index(name="vouchers_voucher_expiry_idx", fields=["expires_at"], condition=Q(state__in=LIVE_STATES)),
        ]

    def __str__(self) -> str:
        return f"{format_money(self.value_minor, self.currency)} at {self.merchant}, {self.get_state_display().lower()}"

    @property
    def code_in_groups(self) -> str:
        return grouped(self.code)

    @property
    def is_shown(self) -> bool:
        """Whether its owner may read the code: while it is given away, nobody may."""
        return self.state != VoucherState.GIFT_LOCKED

    @property
    def uses_left(self) -> int:
        return self.uses_total - self.uses_done

    @property
    def last_date(self) -> date:
        """The last day on which it is valid, as the merchant's calendar says."""
        return (self.expires_at - timedelta(microseconds=1)).astimezone(self.merchant.zone).date()

    def state_at(self, at: datetime) -> VoucherState:
        """The state that holds at an instant: the sweep that writes expiries comes by only now and then."""
        if self.state in LIVE_STATES and self.expires_at <= at:
            return VoucherState.EXPIRED
        return VoucherState(self.state)


class ScannerDevice(models.Model):
    """A till of a merchant. Its key is shown once; only the hash is kept."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="devices")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False, help_text="The key's first characters")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.name} of {self.merchant}"

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None


class Redemption(models.Model):
    """One use of a voucher at a till, or, when `voids` is set, its taking back."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, related_name="redemptions")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+", db_index=False)
    device = models.ForeignKey(ScannerDevice, on_delete=models.PROTECT, related_name="redemptions", db_index=False)
    nonce = models.CharField(max_length=80, help_text="The till's own name for this attempt")
    voids = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="voided_by")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="vouchers_redemption_nonce", fields=["device", "nonce"]),
            models.CheckConstraint(name="vouchers_redemption_voids_another", condition=~Q(voids=F("id"))),
        ]

    def __str__(self) -> str:
        return f"{'void' if self.voids_id else 'use'} at {self.device}"


class RefusedScan(models.Model):
    """The answer to an attempt that was refused: the same nonce gets it again, even when the voucher has changed."""

    device = models.ForeignKey(ScannerDevice, on_delete=models.CASCADE, related_name="refusals", db_index=False)
    nonce = models.CharField(max_length=80)
    voucher = models.ForeignKey(Voucher, null=True, on_delete=models.CASCADE, related_name="refusals")
    result = models.CharField(max_length=20, choices=ScanResult)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="vouchers_refusedscan_nonce", fields=["device", "nonce"]),
            models.CheckConstraint(name="vouchers_refusedscan_result_known", condition=Q(result__in=ScanResult.values)),
        ]
        indexes = [
            # Old answers are removed by age.
            models.Index(name="vouchers_refusedscan_age_idx", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.result} for {self.nonce}"
