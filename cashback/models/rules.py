"""What purchases give back, and since when."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q

from cashback.models.networks import Network
from coupon_site.identifiers import uuid7
from orders.models import Offer


class CashbackRuleQuerySet(models.QuerySet["CashbackRule"]):
    def of_shop(self, offers: Iterable[int]) -> Self:
        """Rules for those offers, by key, and for all of our own."""
        return self.filter(Q(offer__in=list(offers)) | Q(offer=None, network=None))

    def in_force(self, at: datetime) -> Self:
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=at), valid_from__lte=at)

    def strongest_first(self) -> Self:
        """A rule for one offer or category before one for all; of several, the one that began last."""
        return self.order_by(F("offer").asc(nulls_last=True), "-category", "-valid_from", "-id")


class CashbackRule(models.Model):
    """A rate for a while. It replaces the rate that the offer or the network itself names.

    A purchase takes the rule in force when it was made and keeps its rate, whatever becomes of the rule.
    """

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    name = models.CharField(max_length=80)
    network = models.ForeignKey(
        Network,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rules",
        help_text="Empty: our own offers",
    )
    offer = models.ForeignKey(
        Offer, null=True, blank=True, on_delete=models.PROTECT, related_name="cashback_rules", help_text="Empty: all"
    )
    category = models.CharField(
        max_length=40, blank=True, help_text="The part of a purchase that the network reports; empty: all"
    )
    basis_points = models.PositiveIntegerField(help_text="Cashback on what is paid; 250 is 2.5 %")
    hold_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Days until it can be spent; empty: the network's, or the site's"
    )
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Empty: until further notice")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CashbackRuleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="cashback_rule_share", condition=Q(basis_points__lte=10_000)),
            models.CheckConstraint(name="cashback_rule_hold", condition=Q(hold_days__lte=3650)),
            models.CheckConstraint(name="cashback_rule_period", condition=Q(valid_until__gt=F("valid_from"))),
            models.CheckConstraint(
                name="cashback_rule_scope",
                condition=Q(offer=None, network__isnull=False) | Q(network=None, category=""),
                violation_error_message="A rule is for an offer of ours or for a network; only these have categories.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.basis_points / 100:g} %)"

    def covers(self, *, at: datetime, category: str = "", offer_id: int | None = None) -> bool:
        """Whether a purchase of that moment falls under it."""
        return (
            self.valid_from <= at
            and (self.valid_until is None or at < self.valid_until)
            and self.category in ("", category)
            and self.offer_id in (None, offer_id)
        )

    @property
    def hold(self) -> timedelta | None:
        return None if self.hold_days is None else timedelta(days=self.hold_days)
