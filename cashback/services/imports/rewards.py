"""Cashback on conversions: what a purchase is worth now, less what was cancelled of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cashback.models import CashbackEvent, Conversion, ImportJob
from cashback.services.adjustments import Target, adjust_events
from cashback.services.approvals import open_events
from coupon_site.money import share_of


def reward(job: ImportJob, *, conversion_ids: Sequence[int], at: datetime) -> None:
    """Open cashback on new purchases, and book what changed on known ones."""
    purchases = list(
        Conversion.objects.filter(pk__in=conversion_ids, is_cancellation=False).select_related("network").order_by("pk")
    )
    known = events_of(purchases)
    drafts = [draft(row, at=at) for row in purchases if row.pk not in known and is_rewarded(row)]
    opened = open_events(events=CashbackEvent.objects.bulk_create(drafts))
    events = known | {event.conversion_id: event for event in opened if event.conversion_id}
    targets = [target_of(events[row.pk], row) for row in purchases if row.pk in events]
    adjust_events(targets=[target for target in targets if target.is_news], reason=f"import {job.filename}")


def is_rewarded(purchase: Conversion) -> bool:
    """Somebody's, and of a network that gives something."""
    return purchase.buyer_id is not None and purchase.network.cashback_basis_points > 0


def events_of(purchases: Iterable[Conversion]) -> dict[int, CashbackEvent]:
    """Conversion's pk → its cashback."""
    rows = CashbackEvent.objects.filter(conversion__in=[row.pk for row in purchases])
    return {row.conversion_id: row for row in rows if row.conversion_id}


def draft(purchase: Conversion, *, at: datetime) -> CashbackEvent:
    """Unsaved cashback on the whole purchase; what was cancelled is clawed back after, so that the ledger tells it."""
    network = purchase.network
    assert purchase.buyer_id is not None  # noqa: S101  is_rewarded()
    return CashbackEvent(
        buyer_id=purchase.buyer_id,
        conversion=purchase,
        network=network.slug,
        basis_points=network.cashback_basis_points,
        currency=purchase.currency,
        original_minor=share_of(purchase.gross_minor, basis_points=network.cashback_basis_points),
        hold_until=purchase.occurred_at + timedelta(days=network.hold_days),
        created_at=at,
    )


def target_of(event: CashbackEvent, purchase: Conversion) -> Target:
    """What the event should be worth; a purchase that turned out to be nobody's is worth nothing."""
    gross = purchase.gross_minor if purchase.buyer_id == event.buyer_id else 0
    kept = max(gross - purchase.cancelled_minor, 0)
    original = share_of(gross, basis_points=event.basis_points)
    return Target(event, original, original - share_of(kept, basis_points=event.basis_points))
