"""Announcing facts and asking for work, in the transaction of the change that causes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, overload

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from coupon_site.identifiers import uuid7
from coupon_site.tracing import request_id
from events.events import RAW, Event, as_json
from events.models import OutboxEvent, OutboxMessage
from events.registry import HandlerFunction, name_of, registry
from events.wake import wake_on_commit


@overload
def publish(event: Event, /) -> None: ...


@overload
def publish(event: str, payload: Mapping[str, Any], /) -> None: ...


def publish(event: Event | str, payload: Mapping[str, Any] | None = None, /) -> None:
    """Announce a fact when this transaction commits: to its handlers, and to the browsers that may see its channel.

    The second form puts a bare payload on a channel, for the holders of the channel's permission.
    Raises RuntimeError outside a transaction.
    """
    if isinstance(event, Event):
        publish_many([event])
    else:
        publish_payload(channel=event, payload=payload or {})


def publish_many(events: Sequence[Event]) -> None:
    """Announce many facts in a number of statements that does not grow with them."""
    require_transaction("publish()")
    now = timezone.now()
    facts, messages = [], []
    for event in events:
        event_id, headers = uuid7(), {"request_id": request_id.get()}
        if event.channel is not None:
            facts.append(fact_of(event, event_id=event_id, headers=headers, at=now))
        messages += messages_of(event, headers={**headers, "event_id": str(event_id)}, at=now)
    write(facts=facts, messages=messages)


def publish_payload(*, channel: str, payload: Mapping[str, Any]) -> None:
    """Put a bare payload on a channel; no handler hears of it."""
    require_transaction("publish()")
    fact = OutboxEvent(
        channel=channel,
        event_type=RAW,
        aggregate_type=RAW,
        aggregate_id=channel,
        audience=audience_of(channel),
        payload=orjson.dumps(as_json(payload)).decode(),
        headers={"request_id": request_id.get()},
    )
    write(facts=[fact], messages=[])


def enqueue(function: HandlerFunction, payload: Mapping[str, Any], *, due_at: datetime | None = None) -> None:
    """Have a `@task` called with this payload, now or later. Raises RuntimeError outside a transaction."""
    require_transaction("enqueue()")
    task = registry.handler(name_of(function))
    now = timezone.now()
    message = OutboxMessage(
        topic=task.topic,
        handler=task.name,
        payload=as_json(payload),
        headers={"request_id": request_id.get()},
        due_at=due_at or now,
        scheduled_at=due_at or now,
        created_at=now,
    )
    write(facts=[], messages=[message])


def require_transaction(what: str) -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{what} belongs inside the transaction of the change that causes it")


def fact_of(event: Event, *, event_id: Any, headers: dict[str, str], at: datetime) -> OutboxEvent:
    """The row that the relay numbers and sends to browsers."""
    channel = str(event.channel)
    data = {"type": event.name, "at": as_json(at), **event.public_payload()}
    return OutboxEvent(
        event_id=event_id,
        channel=channel,
        event_type=event.name,
        schema_version=event.schema_version,
        aggregate_type=event.aggregate,
        aggregate_id=event.aggregate_id,
        audience=audience_of(channel, event.audience()),
        payload=orjson.dumps(data).decode(),
        headers=headers,
        next_attempt_at=at,
        created_at=at,
    )


def messages_of(event: Event, *, headers: dict[str, str], at: datetime) -> list[OutboxMessage]:
    """One message for each handler of the event."""
    handlers = registry.handlers_of(type(event))
    payload = event.payload() if handlers else {}
    return [
        OutboxMessage(
            topic=handler.topic,
            handler=handler.name,
            event=event.name,
            payload=payload,
            headers=headers,
            due_at=at,
            scheduled_at=at,
            created_at=at,
        )
        for handler in handlers
    ]


def audience_of(channel: str, keys: Sequence[str] = ()) -> list[str]:
    """Holders of the channel's permission, and those named. Raises ValueError for a key that nobody holds."""
    try:
        everything = f"perm:{settings.REALTIME_CHANNELS[channel]}"
    except KeyError:
        raise ValueError(f"{channel} is not one of settings.REALTIME_CHANNELS") from None
    for key in keys:
        if key != everything and not key.startswith("user:"):
            raise ValueError(f"nobody on {channel} holds the key {key}")
    return list(dict.fromkeys([everything, *keys]))


def write(*, facts: list[OutboxEvent], messages: list[OutboxMessage]) -> None:
    """Two statements at most, and one wake-up per transaction."""
    OutboxEvent.objects.bulk_create(facts)
    OutboxMessage.objects.bulk_create(messages)
    if facts or messages:
        wake_on_commit()
