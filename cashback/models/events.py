"""Cashback on one purchase, from its first trace to the wallet."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from cashback.models.conversions import Conversion
from cashback.models.rules import CashbackRule
from coupon_site.identifiers import uuid7
from coupon_site.money import format_money
from orders.models import OrderLine

if TYPE_CHECKING:
    from accounts.models import User

# The network that stands for our own orders.
SHOP = "shop"


class CashbackState(models.TextChoices):
    TRACKED = "tracked", "Tracked"
    PENDING = "pending", "Pending"
    CONFIRMED = "confirmed", "Confirmed"
    HELD = "held", "Held for review"
    PAYABLE = "payable", "Payable"
    PAID = "paid", "Paid"
    DECLINED = "declined", "Declined"
    REVERSED = "reversed", "Taken back"


# Its amount lies in the buyer's pending account.
BOOKED_STATES = (CashbackState.PENDING, CashbackState.CONFIRMED, CashbackState.HELD, CashbackState.PAYABLE)
FINAL_STATES = (CashbackState.DECLINED, CashbackState.REVERSED)


class CashbackEventQuerySet(models.QuerySet["CashbackEvent"]):
    def visible_to(self, user: "User") -> Self:
        """All for holders of the permission, their own for everybody else."""
        return self if user.has_perm("cashback.view_cashbackevent") else self.filter(buyer=user)

    def awaiting_approval(self) -> Self:
        return self.filter(state=CashbackState.PENDING)

    def due_for_release(self, at: datetime) -> Self:
        """Confirmed, and the hold is over."""
        return self.filter(state=CashbackState.CONFIRMED, hold_until__lte=at)


class CashbackEvent(models.Model):
    """What a purchase gives back: `original_minor` at first, less what was clawed back, as corrected by hand."""

    TRANSITIONS: ClassVar[Mapping[CashbackState, frozenset[CashbackState]]] = {
        CashbackState.TRACKED: frozenset({CashbackState.PENDING, CashbackState.DECLINED}),
        CashbackState.PENDING: frozenset({CashbackState.CONFIRMED, CashbackState.DECLINED, CashbackState.PENDING}),
        CashbackState.CONFIRMED: frozenset({CashbackState.PAYABLE, CashbackState.DECLINED, CashbackState.HELD}),
        CashbackState.HELD: frozenset({CashbackState.CONFIRMED, CashbackState.DECLINED}),
        CashbackState.PAYABLE: frozenset({CashbackState.PAID, CashbackState.REVERSED}),
        CashbackState.PAID: frozenset({CashbackState.REVERSED}),
        CashbackState.DECLINED: frozenset(),
        CashbackState.REVERSED: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="cashback_events", db_index=False
    )
    order_line = models.OneToOneField(
        OrderLine, null=True, blank=True, on_delete=models.PROTECT, related_name="cashback_event"
    )
    conversion = models.OneToOneField(
        Conversion, null=True, blank=True, on_delete=models.PROTECT, related_name="cashback_event"
    )
    network = models.CharField(max_length=40, help_text="Slug of the network; `shop` for our own orders")
    basis_points = models.PositiveIntegerField(help_text="The rate that held when it was tracked")
    rule = models.ForeignKey(
        CashbackRule,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="cashback_events",
        help_text="Where the rate came from; empty: the offer or the network itself",
    )
    currency = models.CharField(max_length=3)
    original_minor = models.BigIntegerField()
    clawed_back_minor = models.BigIntegerField(default=0)
    correction_minor = models.BigIntegerField(default=0, help_text="More or less, decided by somebody")
    written_off_minor = models.BigIntegerField(default=0, help_text="Clawed back, but no longer in the wallet")
    adjustments = models.IntegerField(default=0, help_text="How often its amount was amended")
    state = models.CharField(max_length=20, choices=CashbackState, default=CashbackState.TRACKED)
    hold_until = models.DateTimeField(help_text="When it can be spent at the earliest")
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)

    objects = CashbackEventQuerySet.as_manager()

    class Meta:
        permissions = [("approve_cashbackevent", "Can approve and decline cashback")]
        constraints = [
            models.CheckConstraint(
                name="cashback_cashbackevent_state_known", condition=Q(state__in=CashbackState.values)
            ),
            models.CheckConstraint(
                name="cashback_cashbackevent_one_source",
                condition=Q(order_line__isnull=False, conversion__isnull=True)
                | Q(order_line__isnull=True, conversion__isnull=False),
            ),
            models.CheckConstraint(
                name="cashback_cashbackevent_clawback_in_original",
                condition=Q(clawed_back_minor__gte=0, clawed_back_minor__lte=F("original_minor")),
            ),
            models.CheckConstraint(
                name="cashback_cashbackevent_amount",
                condition=Q(original_minor__gte=F("clawed_back_minor") - F("correction_minor")),
            ),
            models.CheckConstraint(name="cashback_cashbackevent_written_off", condition=Q(written_off_minor__gte=0)),
        ]
        indexes = [
            # A customer's own list, newest first.
            models.Index(name="cashback_event_buyer_idx", fields=["buyer", "-id"]),
            # What waits for an approval, the oldest first.
            models.Index(name="cashback_event_pending_idx", fields=["id"], condition=Q(state="pending")),
            # The sweep walks confirmed ones whose hold is over.
            models.Index(name="cashback_event_hold_idx", fields=["hold_until"], condition=Q(state="confirmed")),
        ]

    def __str__(self) -> str:
        return (
            f"{format_money(self.amount_minor, self.currency)} from {self.network}, {self.get_state_display().lower()}"
        )

    @property
    def amount_minor(self) -> int:
        """What it is worth now."""
        return self.original_minor - self.clawed_back_minor + self.correction_minor

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES
