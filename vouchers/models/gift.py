"""Vouchers on their way from a giver to somebody else."""

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7
from orders.gifts import GiftMode, GiftTheme
from vouchers.models.voucher import Voucher

if TYPE_CHECKING:
    from accounts.models import User


class GiftState(models.TextChoices):
    DRAFT = "draft", "Draft"
    SCHEDULED = "scheduled", "Scheduled"
    SENT = "sent", "Sent"
    CLAIMED = "claimed", "Claimed"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"
    RETURNED = "returned", "Returned"


# Somebody may still open these, so their voucher is locked.
OPEN_GIFTS = (GiftState.DRAFT, GiftState.SCHEDULED, GiftState.SENT)
# Nobody opened these: the giver gets the voucher back.
ENDED_GIFTS = (GiftState.EXPIRED, GiftState.REVOKED)


def new_seed() -> str:
    """Random text that a gift's link is made from, together with the site's key."""
    return secrets.token_urlsafe(32)


class GiftQuerySet(models.QuerySet["Gift"]):
    def visible_to(self, user: "User") -> Self:
        """What a customer has given away."""
        return self.filter(giver=user)

    def with_voucher(self) -> Self:
        return self.select_related("voucher__merchant", "voucher__offer", "voucher__owner", "giver", "claimed_by")

    def due(self, at: datetime) -> Self:
        """Scheduled gifts whose moment has come and that no mail is on its way for, the longest waiting first."""
        waiting = self.filter(state=GiftState.SCHEDULED, mail_queued_at=None, deliver_at__lte=at)
        return waiting.order_by("deliver_at")

    def overdue(self, at: datetime) -> Self:
        """Gifts that nobody opened in time, the oldest first."""
        return self.filter(state__in=[GiftState.SCHEDULED, GiftState.SENT], expires_at__lte=at).order_by("expires_at")

    def of_order(self, order_id: int) -> Self:
        return self.filter(voucher__line__order_id=order_id)


class Gift(models.Model):
    """A voucher that whoever opens a secret link first may have; until then it belongs to the giver, locked."""

    TRANSITIONS: ClassVar[Mapping[GiftState, frozenset[GiftState]]] = {
        GiftState.DRAFT: frozenset({GiftState.SCHEDULED, GiftState.SENT}),
        GiftState.SCHEDULED: frozenset({GiftState.SENT, GiftState.REVOKED}),
        GiftState.SENT: frozenset({GiftState.CLAIMED, GiftState.EXPIRED, GiftState.REVOKED}),
        GiftState.EXPIRED: frozenset({GiftState.RETURNED}),
        GiftState.REVOKED: frozenset({GiftState.RETURNED}),
        GiftState.CLAIMED: frozenset(),
        GiftState.RETURNED: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, related_name="gifts")
    giver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="gifts_given", db_index=False
    )
    seed = models.CharField(max_length=64, editable=False, default=new_seed)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    mode = models.CharField(max_length=10, choices=GiftMode)
    theme = models.CharField(max_length=20, choices=GiftTheme, default=GiftTheme.PLAIN)
    message = models.TextField(blank=True)
    recipient_name = models.CharField(max_length=80, blank=True)
    recipient_email = models.EmailField(max_length=254, blank=True, help_text="Empty: the giver passes the link on")
    deliver_at = models.DateTimeField(help_text="When it is mailed, or when its link begins to open")
    expires_at = models.DateTimeField(help_text="Not opened until then, it goes back to the giver")
    state = models.CharField(max_length=20, choices=GiftState, default=GiftState.DRAFT)
    mail_queued_at = models.DateTimeField(null=True, blank=True, help_text="When its mail was handed to the outbox")
    mail_error = models.CharField(max_length=200, blank=True, help_text="Why its mail could not be delivered so far")
    sent_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="gifts_claimed",
        help_text="Empty: whoever had the link",
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = GiftQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="vouchers_gift_state_known", condition=Q(state__in=GiftState.values)),
            models.CheckConstraint(name="vouchers_gift_mode_known", condition=Q(mode__in=GiftMode.values)),
            models.CheckConstraint(name="vouchers_gift_theme_known", condition=Q(theme__in=GiftTheme.values)),
            models.UniqueConstraint(
                name="vouchers_gift_one_open", fields=["voucher"], condition=Q(state__in=OPEN_GIFTS)
            ),
            models.CheckConstraint(
                name="vouchers_gift_claimed_at_a_moment",
                condition=Q(state=GiftState.CLAIMED, claimed_at__isnull=False)
                | (~Q(state=GiftState.CLAIMED) & Q(claimed_at=None, claimed_by=None)),
            ),
            models.CheckConstraint(
                name="vouchers_gift_mailed_somewhere", condition=~Q(mode=GiftMode.EMAIL, recipient_email="")
            ),
        ]
        indexes = [
            # A giver's own list, newest first.
            models.Index(name="vouchers_gift_giver_idx", fields=["giver", "-id"]),
            # deliver_due walks what waits for its moment.
            models.Index(name="vouchers_gift_due_idx", fields=["deliver_at"], condition=Q(state="scheduled")),
            # expire_gifts walks what nobody has opened.
            models.Index(
                name="vouchers_gift_expiry_idx", fields=["expires_at"], condition=Q(state__in=["scheduled", "sent"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_theme_display()} gift, {self.get_state_display().lower()}"

    def shown_state(self, at: datetime) -> GiftState:
        """What its link says at an instant, whether a sweep came by or not: never draft, never returned."""
        if self.state == GiftState.RETURNED:
            return GiftState.REVOKED if self.revoked_at else GiftState.EXPIRED
        if self.state in (GiftState.SCHEDULED, GiftState.SENT) and self.expires_at <= at:
            return GiftState.EXPIRED
        return GiftState(self.state)

    @property
    def is_mailed(self) -> bool:
        return bool(self.recipient_email)

    @property
    def last_date(self) -> date:
        """The last day on which it may be opened, as the merchant's calendar says."""
        return (self.expires_at - timedelta(microseconds=1)).astimezone(self.voucher.merchant.zone).date()
