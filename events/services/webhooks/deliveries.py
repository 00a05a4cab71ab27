"""Claiming deliveries, sending them, and writing down how that went."""

import logging
import random
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.transitions import move, record_change
from coupon_site.upstream import count_request
from events import metrics
from events.errors import EndpointDisabled, LeaseLost
from events.events import as_json
from events.models import DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint
from events.services.webhooks.endpoints import disable_endpoint, secrets_of
from events.services.webhooks.sending import Answer, post
from events.services.webhooks.signing import signed_headers
from events.wake import wake_on_commit

logger = logging.getLogger(__name__)

AT_ONCE_PER_ENDPOINT = 2
RETRY_DELAYS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, *[3600 * hours for hours in (2, 5, 10, 14, 20, 24)])
)
LONGEST_RETRY_AFTER = timedelta(hours=24)
LOGGED_ATTEMPTS = 50
GONE = 410

# Endpoint by endpoint, in any order, and only a few of each: one that answers slowly holds up nobody but itself.
CLAIM = """
WITH endpoint AS (
    SELECT id FROM events_webhookendpoint WHERE state = 'enabled' ORDER BY random()
), due AS (
    SELECT delivery.id FROM endpoint CROSS JOIN LATERAL (
        SELECT id FROM events_webhookdelivery
        WHERE endpoint_id = endpoint.id AND state IN ('pending', 'sending') AND next_at <= %(at)s
        ORDER BY next_at
        LIMIT greatest(0, %(room)s - (
            SELECT count(*) FROM events_webhookdelivery
            WHERE endpoint_id = endpoint.id AND state = 'sending' AND next_at > %(at)s
        ))
        FOR UPDATE SKIP LOCKED
    ) AS delivery
    LIMIT %(limit)s
)
UPDATE events_webhookdelivery AS delivery SET state = 'sending', next_at = %(until)s, fence = delivery.fence + 1
FROM due WHERE delivery.id = due.id
RETURNING delivery.*
"""


def claim_deliveries(*, at: datetime, limit: int) -> list[WebhookDelivery]:
    """Lease up to `limit` due deliveries to the caller; nobody else gets them before the lease ends."""
    until = at + timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)
    values = {"at": at, "until": until, "limit": limit, "room": AT_ONCE_PER_ENDPOINT}
    return list(WebhookDelivery.objects.raw(CLAIM, values))


def deliver(*, delivery: WebhookDelivery, at: datetime) -> None:
    """Send a claimed delivery and record the answer. A process killed in between leaves it to be sent again."""
    endpoint = delivery.endpoint
    try:
        given = secrets_of(endpoint, at=at)
    except InvalidToken:
        answer = Answer(seconds=0.0, error="the secret can't be read: SECRET_KEY has changed, rotate the secret")
    else:
        headers = signed_headers(webhook_id=str(delivery.event_id), body=delivery.body, given=given, at=at)
        answer = post(endpoint.url, headers=headers, body=delivery.body)
        count_request("webhooks", status=answer.status, seconds=answer.seconds)
    try:
        record(delivery=delivery, answer=answer, at=at)
    except LeaseLost as lost:
        logger.warning("%s", lost)


def deliver_due(*, at: datetime) -> int:
    """Send everything that is due, one after another; how many were sent."""
    done = 0
    while claimed := claim_deliveries(at=at, limit=AT_ONCE_PER_ENDPOINT):  # no lease runs out while others are sent
        for delivery in claimed:
            deliver(delivery=delivery, at=at)
        done += len(claimed)
    return done


@transaction.atomic
def record(*, delivery: WebhookDelivery, answer: Answer, at: datetime) -> None:
    """Write down an answer, and when to try again. Raises LeaseLost when another worker has claimed the delivery."""
    result = result_of(delivery, answer)
    fields = {**described(delivery, answer, at=at), **ended(delivery, answer, result=result, at=at)}
    held = WebhookDelivery.objects.filter(pk=delivery.pk, fence=delivery.fence, state=DeliveryState.SENDING)
    if not held.update(**fields):
        raise LeaseLost(f"{delivery} has been claimed again")
    if result in {"failed", "gone"}:
        before, to = DeliveryState.PENDING, DeliveryState.FAILED
        record_change(delivery, before=before, to=to, actor=None, reason=answer.error)
    note_health(delivery.endpoint, answer, at=at)
    transaction.on_commit(lambda: count(result, answer.seconds))


def result_of(delivery: WebhookDelivery, answer: Answer) -> str:
    """What the answer means: one of metrics.WEBHOOK_RESULTS."""
    if answer.ok:
        return "delivered"
    if answer.status == GONE:
        return "gone"
    return "retried" if delivery.attempts < len(RETRY_DELAYS) else "failed"


def described(delivery: WebhookDelivery, answer: Answer, *, at: datetime) -> dict[str, Any]:
    """The last attempt, and the log of all."""
    entry = {
        "at": as_json(at),
        "url": delivery.endpoint.url,
        "status": answer.status,
        "error": answer.error,
        "ms": round(answer.seconds * 1000),
        "response": answer.excerpt[:200],
    }
    return {
        "attempts": delivery.attempts + 1,
        "last_status": answer.status,
        "last_error": answer.error,
        "response_excerpt": answer.excerpt,
        "duration_ms": entry["ms"],
        "log": [*delivery.log, entry][-LOGGED_ATTEMPTS:],
    }


def ended(delivery: WebhookDelivery, answer: Answer, *, result: str, at: datetime) -> dict[str, Any]:
    """The state that follows, and when it is tried again: not before the endpoint wants it, within reason."""
    if result == "delivered":
        return {"state": DeliveryState.DELIVERED, "finished_at": at}
    if result != "retried":
        return {"state": DeliveryState.FAILED, "finished_at": at}
    planned = RETRY_DELAYS[delivery.attempts] * random.uniform(0.9, 1.1)  # noqa: S311  jitter
    asked = min(timedelta(seconds=answer.retry_after), LONGEST_RETRY_AFTER)
    return {"state": DeliveryState.PENDING, "next_at": at + max(planned, asked)}


def note_health(endpoint: WebhookEndpoint, answer: Answer, *, at: datetime) -> None:
    """Since when it has been failing; one that says it is gone is disabled."""
    if answer.ok != (endpoint.failing_since is None):
        WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__isnull=not answer.ok).update(
            failing_since=None if answer.ok else at
        )
    if answer.status == GONE:
        try:
            disable_endpoint(endpoint=endpoint, reason="It answered 410: gone")
        except IllegalTransition:
            logger.info("%s was disabled already", endpoint)


def count(result: str, seconds: float) -> None:
    metrics.webhook_deliveries.labels(result).inc()
    metrics.webhook_duration.observe(seconds)


@transaction.atomic
def replay_delivery(*, delivery: WebhookDelivery, actor: User | None, at: datetime) -> None:
    """Send a finished delivery again, with all its tries. Raises EndpointDisabled, IllegalTransition."""
    if delivery.endpoint.state == EndpointState.DISABLED:
        raise EndpointDisabled
    move(delivery, DeliveryState.PENDING, actor=actor, reason="replay", attempts=0, next_at=at, finished_at=None)
    wake_on_commit()
