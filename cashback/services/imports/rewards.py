"""Cashback on conversions: what a purchase is worth now, less what was cancelled of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cashback.models import CashbackEvent, Conversion, ImportJob
from cashback.queries import Rate, Rates
from cashback.services.adjustments import Target, adjust_events
from cashback.services.approvals import open_events
from cashback.services.bookings import lock_wallets
from cashback.services.moves import locked
from coupon_site.money import share_of


def reward(job: ImportJob, *, conversion_ids: Sequence[int], at: datetime) -> None:
    """Open cashback on new purchases, and book what changed on known ones."""
    purchases = list(
        Conversion.objects.filter(pk__in=conversion_ids, is_cancellation=False).select_related("network").order_by("pk")
    )
    known = events_of(purchases)
    rates = Rates.of_network(job.network_id)
    new = [(row, rates.for_purchase(row)) for row in purchases if row.pk not in known and row.buyer_id is not None]
    drafts = [draft(row, rate, at=at) for row, rate in new if rate.basis_points]
    created = CashbackEvent.objects.bulk_create(drafts)
    lock_wallets(locked([*known.values(), *created]))  # so that no two imports wait for each other
    opened = open_events(events=created)
    events = known | {event.conversion_id: event for event in opened if event.conversion_id}
    targets = [target_of(events[row.pk], row) for row in purchases if row.pk in events]
    adjust_events(targets=[target for target in targets if target.is_news], reason=f"import {job.filename}")


def events_of(purchases: Iterable[Conversion]) -> dict[int, CashbackEvent]:
    """Conversion's pk → its cashback."""
    rows = CashbackEvent.objects.filter(conversion__in=[row.pk for row in purchases])
    return {row.conversion_id: row for row in rows if row.conversion_id}


def draft(purchase: Conversion, rate: Rate, *, at: datetime) -> CashbackEvent:
    """Unsaved cashback on the whole purchase; what was cancelled is clawed back after, so that the ledger tells it."""
    assert purchase.buyer_id is not None  # noqa: S101  reward() has asked
    return CashbackEvent(
        buyer_id=purchase.buyer_id,
        conversion=purchase,
        network=purchase.network.slug,
        basis_points=rate.basis_points,
        rule=rate.rule,
        currency=purchase.currency,
        original_minor=share_of(purchase.gross_minor, basis_points=rate.basis_points),
        hold_until=purchase.occurred_at + rate.hold,
        created_at=at,
    )


def target_of(event: CashbackEvent, purchase: Conversion) -> Target:
    """What the event should be worth; a purchase that turned out to be nobody's is worth nothing."""
    gross = purchase.gross_minor if purchase.buyer_id == event.buyer_id else 0
    kept = max(gross - purchase.cancelled_minor, 0)
    original = share_of(gross, basis_points=event.basis_points)
    return Target(event, original, original - share_of(kept, basis_points=event.basis_points))
