"""Orders, their lines, and the stock they hold."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money
from orders.models.sale import FlashSale, SaleStock
from payments.models import Payment

if TYPE_CHECKING:
    from accounts.models import User


class OrderState(models.TextChoices):
    RESERVED = "reserved", "Reserved"
    PAID = "paid", "Paid"
    FULFILLED = "fulfilled", "Fulfilled"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    REFUNDED = "refunded", "Refunded"


# Its money is here, and was not given back.
PAID_STATES = (OrderState.PAID, OrderState.FULFILLED)


class OrderQuerySet(models.QuerySet["Order"]):
    def visible_to(self, user: "User") -> Self:
        """All for holders of the permission, their own for everybody else."""
        return self if user.has_perm("orders.view_order") else self.filter(buyer=user)

    def unpaid_past(self, at: datetime) -> Self:
        """Reserved orders whose hold has run out, the oldest first."""
        return self.filter(state=OrderState.RESERVED, expires_at__lte=at).order_by("expires_at")

    def with_lines(self) -> Self:
        """Lines and the terms they were sold on, in one more query."""
        return self.prefetch_related(lines_with_terms())


class Order(models.Model):
    """A customer's claim on stock, from reservation to vouchers."""

    TRANSITIONS: ClassVar[Mapping[OrderState, frozenset[OrderState]]] = {
        OrderState.RESERVED: frozenset({OrderState.PAID, OrderState.EXPIRED, OrderState.CANCELLED}),
        OrderState.EXPIRED: frozenset({OrderState.PAID, OrderState.REFUNDED}),  # the money came late
        OrderState.PAID: frozenset({OrderState.FULFILLED, OrderState.REFUNDED}),
        OrderState.FULFILLED: frozenset({OrderState.REFUNDED}),
        OrderState.CANCELLED: frozenset(),
        OrderState.REFUNDED: frozenset(),
    }

    fresh_lines: "list[OrderLine]"  # of an order that was just reserved: what was written, not read again

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    number = models.CharField(
        max_length=11, unique=True, editable=False, help_text="For people: on paper and on the phone"
    )
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders", db_index=False)
    state = models.CharField(max_length=20, choices=OrderState, default=OrderState.RESERVED)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    refunded_minor = models.BigIntegerField(default=0, help_text="Money that has gone back")
    payment_method = models.CharField(max_length=30)
    expires_at = models.DateTimeField(help_text="Until when unpaid stock is held")
    paid_by = models.OneToOneField(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    paid_at = models.DateTimeField(null=True, blank=True)
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="orders_order_state_known", condition=Q(state__in=OrderState.values)),
            models.CheckConstraint(name="orders_order_total_not_negative", condition=Q(total_minor__gte=0)),
            models.CheckConstraint(
                name="orders_order_refund_in_total",
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("total_minor")),
            ),
        ]
        indexes = [
            # expire_orders walks unpaid holds, oldest first.
            models.Index(name="orders_order_expiry_idx", fields=["expires_at"], condition=Q(state="reserved")),
            # A customer's own list, newest first.
            models.Index(name="orders_order_buyer_idx", fields=["buyer", "-id"]),
            # The operators' list by state, newest first.
            models.Index(name="orders_order_state_idx", fields=["state", "-id"]),
            # Orders of a period: they lie on disk in the order of their making.
            BrinIndex(name="orders_order_created_idx", fields=["created_at"], autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {format_money(self.total_minor, self.currency)}, {self.get_state_display().lower()}"

    def is_visible_to(self, user: "User") -> bool:
        """As `visible_to` has it. Whose it is says the row: its buyer's other rights need not be asked for."""
        return self.buyer_id == user.pk or user.has_perm("orders.view_order")

    def can_be_paid(self, at: datetime) -> bool:
        """Whether a payment may still be started: stock is held for it."""
        return self.state == OrderState.RESERVED and at < self.expires_at


class OrderLine(models.Model):
    """Units of one sale in an order, at the price that held when they were reserved."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    sale = models.ForeignKey(FlashSale, on_delete=models.PROTECT, related_name="lines")
    title = models.CharField(max_length=160)
    quantity = models.PositiveIntegerField()
    unit_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    line_total_minor = models.BigIntegerField()
    gift = models.JSONField(null=True, blank=True, help_text="How its units are given away, when they are a present")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="orders_orderline_quantity_positive", condition=Q(quantity__gte=1)),
            models.CheckConstraint(
                name="orders_orderline_total",
                condition=Q(
                    unit_minor__gte=0,
                    discount_minor__gte=0,
                    line_total_minor__gte=0,
                    line_total_minor=F("quantity") * F("unit_minor") - F("discount_minor"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.title}"


def lines_with_terms() -> "models.Prefetch[str, models.QuerySet[OrderLine], str]":
    """What an order is shown with."""
    return models.Prefetch("lines", queryset=OrderLine.objects.select_related("sale__offer__merchant"))


class HoldState(models.TextChoices):
    HELD = "held", "Held"
    SOLD = "sold", "Sold"
    RELEASED = "released", "Released"


class Hold(models.Model):
    """The units of a line in a bucket: counted there in `reserved` while held, in `sold` once paid."""

    line = models.OneToOneField(OrderLine, on_delete=models.PROTECT, related_name="hold")
    stock = models.ForeignKey(SaleStock, on_delete=models.PROTECT, related_name="holds", db_index=False)
    quantity = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=HoldState, default=HoldState.HELD)

    class Meta:
        constraints = [
            models.CheckConstraint(name="orders_hold_state_known", condition=Q(state__in=HoldState.values)),
            models.CheckConstraint(name="orders_hold_quantity_positive", condition=Q(quantity__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.state}"
