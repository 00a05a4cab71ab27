"""Announcing facts and asking for work, in the transaction of the change that causes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, overload
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from coupon_site.identifiers import uuid7
from coupon_site.tracing import request_id
from events.events import RAW, Event, as_json, document_of
from events.registry import HandlerFunction, name_of, registry
from events.services.writing import Fact, Message, write


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
    moment = as_json(now)
    facts, messages = [], []
    for event in events:
        event_id = uuid7()
        headers = orjson.dumps({"request_id": request_id.get(), "event_id": event_id}).decode()
        if event.channel is not None:
            facts.append(fact_of(event, event_id=event_id, headers=headers, moment=moment))
        messages += messages_of(event, headers=headers)
    write(facts=facts, messages=messages, at=now)


def publish_payload(*, channel: str, payload: Mapping[str, Any]) -> None:
    """Put a bare payload on a channel; no handler hears of it."""
    require_transaction("publish()")
    fact = Fact(
        event_id=uuid7(),
        channel=channel,
        event_type=RAW,
        schema_version=1,
        aggregate_type=RAW,
        aggregate_id=channel,
        audience=" ".join(audience_of(channel)),
        payload=orjson.dumps(as_json(payload)).decode(),
        headers=orjson.dumps({"request_id": request_id.get()}).decode(),
    )
    write(facts=[fact], messages=[], at=timezone.now())


def enqueue(function: HandlerFunction, payload: Mapping[str, Any], *, due_at: datetime | None = None) -> None:
    """Have a `@task` called with this payload, now or later. Raises RuntimeError outside a transaction."""
    require_transaction("enqueue()")
    task = registry.handler(name_of(function))
    message = Message(
        public_id=uuid7(),
        topic=task.topic,
        handler=task.name,
        event="",
        payload=orjson.dumps(as_json(payload)).decode(),
        headers=orjson.dumps({"request_id": request_id.get()}).decode(),
        outside=not task.transactional,
    )
    write(facts=[], messages=[message], at=timezone.now(), due_at=due_at)


def require_transaction(what: str) -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{what} belongs inside the transaction of the change that causes it")


def fact_of(event: Event, *, event_id: UUID, headers: str, moment: str) -> Fact:
    """The row that the relay numbers and sends to browsers."""
    channel = str(event.channel)
    data = {"type": event.name, "at": moment, **event.public_fields()}
    return Fact(
        event_id=event_id,
        channel=channel,
        event_type=event.name,
        schema_version=event.schema_version,
        aggregate_type=event.aggregate,
        aggregate_id=event.aggregate_id,
        audience=" ".join(audience_of(channel, event.audience())),
        payload=document_of(data),
        headers=headers,
    )


def messages_of(event: Event, *, headers: str) -> list[Message]:
    """One message for each handler of the event."""
    handlers = registry.handlers_of(type(event))
    document = document_of(vars(event)) if handlers else ""
    return [
        Message(
            public_id=uuid7(),
            topic=handler.topic,
            handler=handler.name,
            event=event.name,
            payload=document,
            headers=headers,
            outside=not handler.transactional,
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
