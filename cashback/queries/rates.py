"""What a purchase gives back: the rule in force when it was made, or else what the offer or the network names."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from cashback.models import CashbackRule, Conversion, Network
from orders.models import Offer


class Rate(NamedTuple):
    """A share, how long it is held back, and the rule that says so, if one does."""

    basis_points: int
    hold: timedelta
    rule: CashbackRule | None = None


class Rates:
    """The rules of one seller, read once for many purchases."""

    def __init__(self, rules: QuerySet[CashbackRule]) -> None:
        self.rules = list(rules)

    @classmethod
    def of_shop(cls, offers: Iterable[Offer]) -> "Rates":
        return cls(CashbackRule.objects.of_shop(offer.pk for offer in offers).strongest_first())

    @classmethod
    def of_network(cls, network: Network | int) -> "Rates":
        return cls(CashbackRule.objects.filter(network=network).strongest_first())

    def for_offer(self, offer: Offer, *, at: datetime) -> Rate:
        usual = Rate(offer.cashback_basis_points, timedelta(seconds=settings.CASHBACK_HOLD_SECONDS))
        return ruled(usual, next((rule for rule in self.rules if rule.covers(at=at, offer_id=offer.pk)), None))

    def for_purchase(self, purchase: Conversion) -> Rate:
        network = purchase.network
        usual = Rate(network.cashback_basis_points, timedelta(days=network.hold_days))
        covers = (rule for rule in self.rules if rule.covers(at=purchase.occurred_at, category=purchase.part))
        return ruled(usual, next(covers, None))


def ruled(usual: Rate, rule: CashbackRule | None) -> Rate:
    if rule is None:
        return usual
    return Rate(rule.basis_points, usual.hold if rule.hold is None else rule.hold, rule)


def rate_now(at: datetime) -> Coalesce:
    """The same for rows of offers, as an expression over them."""
    own = CashbackRule.objects.filter(Q(offer=OuterRef("pk")) | Q(offer=None, network=None))
    return Coalesce(Subquery(own.in_force(at).strongest_first().values("basis_points")[:1]), F("cashback_basis_points"))
