"""Which endpoints hear of which events: decided where events get their numbers, once for each of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from coupon_site.identifiers import uuid7
from events.events import RAW, as_json
from events.leadership import Session

# Held against removal until the deliveries are written.
ENDPOINTS = "SELECT id, topics FROM events_webhookendpoint WHERE state = 'enabled' FOR KEY SHARE"

# An event that was given up and queued again is told only to those who have not heard of it.
INSERT = """
INSERT INTO events_webhookdelivery (public_id, endpoint_id, event_id, event_type, body, state, attempts, next_at,
    fence, last_error, response_excerpt, log, created_at)
SELECT public_id, endpoint_id, event_id, event_type, body, 'pending', 0, now(), 0, '', '', '[]', now()
FROM unnest(%s::uuid[], %s::bigint[], %s::uuid[], %s::text[], %s::text[])
    AS delivery (public_id, endpoint_id, event_id, event_type, body)
ON CONFLICT (endpoint_id, event_id) DO NOTHING
"""


def add_deliveries(session: Session, events: Sequence[dict[str, Any]]) -> None:
    """Write a delivery for every endpoint that wants to hear of an event; without endpoints one question is all."""
    endpoints = session.execute(ENDPOINTS).fetchall()
    wanted = [row for event in events for row in deliveries_of(event, endpoints)]
    if wanted:
        session.execute(INSERT, [list(column) for column in zip(*wanted, strict=True)])


def deliveries_of(event: dict[str, Any], endpoints: Sequence[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    """A row for each endpoint that follows the event by its name, its family or altogether."""
    name = event["event_type"]
    topics = {name, f"{name.partition('.')[0]}.*", "*"}
    chosen = [] if name == RAW else [each["id"] for each in endpoints if topics.intersection(each["topics"])]
    body = body_of(event) if chosen else ""
    for endpoint in chosen:
        yield uuid7(), endpoint, event["event_id"], name, body


def body_of(event: dict[str, Any]) -> str:
    """What is signed and sent; the event's payload is the browsers' `data`, which has type and time inside."""
    data = {name: value for name, value in orjson.loads(event["payload"]).items() if name not in {"type", "at"}}
    content = {"type": event["event_type"], "timestamp": as_json(event["created_at"]), "data": data}
    return orjson.dumps(content).decode()
