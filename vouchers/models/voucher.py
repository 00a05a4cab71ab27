"""Vouchers."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money
from orders.models import Merchant, Offer, OrderLine
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
        """Active vouchers whose last day is over, the oldest first. Locked ones end with their gift."""
        return self.filter(state=VoucherState.ACTIVE, expires_at__lte=at).order_by("expires_at")

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
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="vouchers",
        db_index=False,
        help_text="Empty: a gift that was opened without an account, whoever has its page's link",
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
