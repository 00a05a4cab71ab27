"""Who hears of what, and under which secret."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
from django.db import transaction

from accounts.models import User
from coupon_site.identifiers import uuid7
from coupon_site.transitions import move
from events.errors import EndpointDisabled, TopicsUnknown
from events.events import as_json
from events.models import EndpointState, WebhookDelivery, WebhookEndpoint
from events.queries import known_topics
from events.services.webhooks.addresses import check_url
from events.services.webhooks.signing import new_secret, seal, unseal
from events.wake import wake_on_commit

TEST_EVENT = "webhook.test"
OLD_SECRET_LASTS = timedelta(hours=24)


def create_endpoint(
    *, url: str, topics: Sequence[str], description: str = "", actor: User | None = None
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is shown once. Raises AddressRefused, TopicsUnknown."""
    secret = new_secret()
    endpoint = WebhookEndpoint.objects.create(
        url=check_url(url), topics=check_topics(topics), description=description, secret=seal(secret), created_by=actor
    )
    return endpoint, secret


def change_endpoint(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    topics: Sequence[str] | None = None,
    description: str | None = None,
) -> WebhookEndpoint:
    """Change what is given; what waits goes to the new address. Raises AddressRefused, TopicsUnknown."""
    endpoint.url = endpoint.url if url is None else check_url(url)
    endpoint.topics = endpoint.topics if topics is None else check_topics(topics)
    endpoint.description = endpoint.description if description is None else description
    endpoint.save(update_fields=["url", "topics", "description"])
    return endpoint


def check_topics(topics: Sequence[str]) -> list[str]:
    """The topics, each once. Raises TopicsUnknown."""
    known = known_topics()
    if unknown := sorted(set(topics) - known):
        raise TopicsUnknown(f"Not known: {', '.join(unknown)[:500]}.", known=sorted(known))
    if not topics:
        raise TopicsUnknown("Name at least one.", known=sorted(known))
    return list(dict.fromkeys(topics))


def disable_endpoint(*, endpoint: WebhookEndpoint, reason: str, actor: User | None = None) -> None:
    """Send nothing more to it. Raises IllegalTransition when it is disabled already."""
    move(endpoint, EndpointState.DISABLED, actor=actor, reason=reason, disabled_reason=reason[:200])


def enable_endpoint(*, endpoint: WebhookEndpoint, actor: User | None = None) -> None:
    """Send again, what waits first. Raises IllegalTransition when it is enabled already."""
    move(endpoint, EndpointState.ENABLED, actor=actor, disabled_reason="", failing_since=None)
    wake_on_commit()


@transaction.atomic
def rotate_secret(*, endpoint: WebhookEndpoint, at: datetime) -> str:
    """A new secret, shown once. The one before signs as well for a day, so that the receiver has time to change."""
    secret, locked = new_secret(), WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    endpoint.secret, endpoint.old_secret = seal(secret), locked.secret
    endpoint.old_secret_ends_at = at + OLD_SECRET_LASTS
    endpoint.save(update_fields=["secret", "old_secret", "old_secret_ends_at"])
    return secret


def secrets_of(endpoint: WebhookEndpoint, *, at: datetime) -> list[str]:
    """The secrets that sign now, the newest first."""
    ends = endpoint.old_secret_ends_at
    return [unseal(endpoint.secret), *([unseal(endpoint.old_secret)] if ends and ends > at else [])]


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint, at: datetime) -> WebhookDelivery:
    """An event that means nothing, on its way to the endpoint. Raises EndpointDisabled."""
    if endpoint.state == EndpointState.DISABLED:
        raise EndpointDisabled
    content = {"type": TEST_EVENT, "timestamp": as_json(at), "data": {"endpoint": str(endpoint.public_id)}}
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint, event_id=uuid7(), event_type=TEST_EVENT, body=orjson.dumps(content).decode(), next_at=at
    )
    wake_on_commit()
    return delivery


def delete_endpoint(*, endpoint: WebhookEndpoint) -> None:
    """Remove it with all its deliveries."""
    endpoint.delete()
