"""Reads: what endpoints may subscribe to, and how they are doing."""

from datetime import datetime, timedelta

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from events.events import TYPES
from events.models import UNDELIVERED, DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint

DAY = timedelta(hours=24)
OVERDUE = timedelta(hours=1)


def known_topics() -> set[str]:
    """Every event that is public, every family of them as `order.*`, and `*`."""
    names = {event.name for event in TYPES.values() if event.channel is not None}
    return {"*", *names, *(f"{name.partition('.')[0]}.*" for name in names)}


def endpoints_with_health(*, at: datetime) -> QuerySet[WebhookEndpoint]:
    """Endpoints with `last_success_at`, and of the last day `delivered`, `failed` and `waiting` deliveries."""
    own = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"))
    delivered, failed = own.filter(state=DeliveryState.DELIVERED), own.filter(state=DeliveryState.FAILED)
    waiting = own.filter(state__in=UNDELIVERED)
    return WebhookEndpoint.objects.annotate(
        last_success_at=Subquery(delivered.order_by("-finished_at").values("finished_at")[:1]),
        delivered=number(delivered.filter(finished_at__gt=at - DAY)),
        failed=number(failed.filter(finished_at__gt=at - DAY)),
        retrying=number(waiting.filter(attempts__gt=0)),
        waiting=number(waiting),
    )


def number(rows: QuerySet[WebhookDelivery]) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values("endpoint").annotate(number=Count("pk")).values("number")), 0)


def overdue_deliveries() -> int:
    """Deliveries that nobody has tried to send for long after their time. An endpoint may be slow: an hour."""
    late = Q(state__in=UNDELIVERED, next_at__lt=timezone.now() - OVERDUE, endpoint__state=EndpointState.ENABLED)
    return WebhookDelivery.objects.filter(late).count()


def failing_endpoints() -> int:
    """Enabled endpoints whose last answer was no success."""
    return WebhookEndpoint.objects.filter(state=EndpointState.ENABLED, failing_since__isnull=False).count()


def deliveries_by_state() -> dict[str, int]:
    """Deliveries that wait or were given up; an index leads past the delivered ones."""
    states = (*UNDELIVERED, DeliveryState.FAILED)
    counted = WebhookDelivery.objects.filter(state__in=states).values_list("state").annotate(Count("pk"))
    return {**dict.fromkeys(states, 0), **dict(counted)}
