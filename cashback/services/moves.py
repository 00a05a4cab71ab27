"""Moving many cashback events at once: the same rules and history as one by one, in a constant number of statements."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from accounts.models import User
from cashback.events import CashbackFact
from cashback.models import CashbackEvent, CashbackState
from coupon_site.models import StateChange
from coupon_site.tracing import request_id
from coupon_site.transitions import sources_of
from events import publish_many

# What a fact about an event says of it.
TOLD = ("buyer", "order_line__order")


@transaction.atomic
def move_all(
    events: Iterable[CashbackEvent], to: CashbackState, *, actor: User | None = None, reason: str = "", **fields: object
) -> list[CashbackEvent]:
    """Bring those events into state `to` that are in one of its sources; these, fresh and locked. Others stay."""
    sources = sources_of(CashbackEvent.TRANSITIONS, to)
    rows = CashbackEvent.objects.filter(pk__in=[event.pk for event in events], state__in=sources).order_by("pk")
    moved = list(rows.select_for_update(no_key=True, of=("self",)).select_related(*TOLD))
    CashbackEvent.objects.filter(pk__in=[event.pk for event in moved]).update(state=to, **fields)
    record_changes(moved, to=to, actor=actor, reason=reason)
    for event in moved:
        for name, value in {"state": to, **fields}.items():
            setattr(event, name, value)
    return moved


def locked(events: Iterable[CashbackEvent]) -> list[CashbackEvent]:
    """The same events as they are now, locked in the order of their ids."""
    rows = CashbackEvent.objects.filter(pk__in=[event.pk for event in events]).order_by("pk")
    return list(rows.select_for_update(no_key=True, of=("self",)).select_related(*TOLD))


def record_changes(
    events: Iterable[CashbackEvent], *, to: CashbackState | None, actor: User | None, reason: str
) -> None:
    """One line of history each; `to` None: amended without leaving its state."""
    StateChange.objects.bulk_create(
        StateChange(
            model=CashbackEvent._meta.label_lower,
            object_id=event.public_id,
            from_state=event.state,
            to_state=to or event.state,
            actor=actor,
            reason=reason[:200],
            request_id=request_id.get(),
        )
        for event in events
    )


def announce(fact: type[CashbackFact], events: Sequence[CashbackEvent]) -> None:
    """Tell everybody who may see them."""
    publish_many(
        [
            fact(
                cashback_event=event.public_id,
                buyer=event.buyer.public_id,
                network=event.network,
                order_number=event.order_line.order.number if event.order_line else "",
                state=event.state,
                amount_minor=event.amount_minor,
                currency=event.currency,
            )
            for event in events
        ]
    )
