"""Putting rows into the outbox: one statement for any number of events, one for any number of messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from coupon_site.database.prepared import prepared_cursor
from events.wake import wake_on_commit

# One JSON document instead of bulk_create() or of arrays, whose texts psycopg escapes one by one: an order pays for its
# events, and this is a twentieth of the work.
INSERT_FACTS = """
INSERT INTO events_outboxevent (event_id, channel, event_type, schema_version, aggregate_type, aggregate_id, audience,
    payload, headers, status, attempts, next_attempt_at, last_error, created_at)
SELECT event_id, channel, event_type, schema_version, aggregate_type, aggregate_id, string_to_array(audience, ' '),
    payload, headers::jsonb, 0, 0, %(at)s, '', %(at)s
FROM ROWS FROM (
    json_to_recordset(%(facts)s) AS (event_id uuid, channel text, event_type text, schema_version smallint,
        aggregate_type text, aggregate_id text, audience text, payload text, headers text)
) WITH ORDINALITY AS fact (event_id, channel, event_type, schema_version, aggregate_type, aggregate_id, audience,
    payload, headers, place)
ORDER BY place
"""

INSERT_MESSAGES = """
INSERT INTO events_outboxmessage (public_id, topic, handler, event, payload, headers, state, due_at, fence, attempts,
    expired_leases, last_error, scheduled_at, created_at, outside)
SELECT public_id, topic, handler, event, payload::jsonb, headers::jsonb, 'pending', %(due_at)s, 0, 0, 0, '', %(due_at)s,
    %(at)s, outside
FROM json_to_recordset(%(messages)s) AS message (public_id uuid, topic text, handler text, event text, payload text,
    headers text, outside bool)
"""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """An event for browsers, as the table has it; `audience` with spaces between, `payload` and `headers` as JSON."""

    event_id: UUID
    channel: str
    event_type: str
    schema_version: int
    aggregate_type: str
    aggregate_id: str
    audience: str
    payload: str
    headers: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message for one handler, as the table has it; `payload` and `headers` as JSON."""

    public_id: UUID
    topic: str
    handler: str
    event: str
    payload: str
    headers: str
    outside: bool


def write(*, facts: Sequence[Fact], messages: Sequence[Message], at: datetime, due_at: datetime | None = None) -> None:
    """Two statements at most, and one wake-up per transaction."""
    due_at = due_at or at
    with prepared_cursor() as cursor:
        if facts:
            cursor.execute(INSERT_FACTS, {"at": at, "facts": document(facts)})
        if messages:
            cursor.execute(INSERT_MESSAGES, {"at": at, "due_at": due_at, "messages": document(messages)})
    if facts or messages:
        wake_on_commit()


def document(rows: Sequence[Fact] | Sequence[Message]) -> str:
    return msgspec.json.encode(rows).decode()
