"""Claiming messages and writing down how they ended. Every such write names the fence of its claim."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from events import metrics
from events.errors import LeaseLost
from events.models import MessageState, OutboxMessage

BATCH = 100
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600))
MAX_EXPIRED_LEASES = 5
MAX_ERROR_LENGTH = 4000

# Topics are walked one after another, each by the index of what is due, so that the cost does not grow with what waits.
# What no handler needs is left out: Django loads it when it is asked for.
CLAIM = """
WITH due AS (
    SELECT message.public_id, message.state
    FROM unnest(%(topics)s::text[], %(rooms)s::int[]) AS wanted (topic, room)
    CROSS JOIN LATERAL (
        SELECT public_id, state FROM events_outboxmessage
        WHERE topic = wanted.topic {lane} AND state IN ('pending', 'leased') AND due_at <= %(at)s
        ORDER BY due_at LIMIT wanted.room FOR UPDATE SKIP LOCKED
    ) AS message
    LIMIT %(limit)s
)
UPDATE events_outboxmessage AS message
SET state = 'leased', due_at = %(until)s, fence = message.fence + 1,
    expired_leases = message.expired_leases + (due.state = 'leased')::int
FROM due WHERE message.public_id = due.public_id
RETURNING message.public_id, message.topic, message.handler, message.event, message.payload, message.headers,
    message.state, message.fence, message.attempts, message.expired_leases, message.scheduled_at
"""
CLAIMED = ["public_id", "topic", "handler", "event", "payload", "headers"]
CLAIMED += ["state", "fence", "attempts", "expired_leases", "scheduled_at"]

# A lane each for handlers that call the outside world and for the rest, by the index; None takes both, and has to sort.
LANES = {None: "", True: "AND outside", False: "AND NOT outside"}

FINISH = """
UPDATE events_outboxmessage AS message SET state = 'delivered', finished_at = %(at)s
FROM unnest(%(ids)s::uuid[], %(fences)s::int[]) AS held (public_id, fence)
WHERE message.public_id = held.public_id AND message.fence = held.fence AND message.state = 'leased'
"""

RELEASE = """
UPDATE events_outboxmessage AS message SET state = 'pending', due_at = %(at)s
FROM unnest(%(ids)s::uuid[], %(fences)s::int[]) AS held (public_id, fence)
WHERE message.public_id = held.public_id AND message.fence = held.fence AND message.state = 'leased'
"""

IN_FLIGHT = """
SELECT topic, count(*) FROM events_outboxmessage
WHERE topic = ANY(%(topics)s) AND state = 'leased' AND due_at > %(at)s GROUP BY topic
"""


@transaction.atomic
def claim(
    *, topics: Sequence[str], at: datetime, limit: int = BATCH, outside: bool | None = None
) -> list[OutboxMessage]:
    """Lease up to `limit` due messages to the caller; nobody else gets them before the lease ends.

    Topics are served in the order given; settings.OUTBOX_TOPIC_LIMITS bounds how many of one are in flight. `outside`
    chooses messages whose handlers call the outside world, or all others.
    """
    rooms = rooms_of(topics, at=at, limit=limit)
    lease = timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)
    values: dict[str, Any] = {"topics": list(topics), "rooms": rooms, "at": at, "until": at + lease, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM.format(lane=LANES[outside]), values)
        claimed = sorted(map(claimed_message, cursor.fetchall()), key=lambda message: message.pk.int)
    if claimed:
        metrics.batch_size.labels("worker").observe(len(claimed))
    return claimed


def claimed_message(row: tuple[Any, ...]) -> OutboxMessage:
    """As raw() would make it, which takes twice as long."""
    head, (payload, headers), tail = row[:4], row[4:6], row[6:]
    return OutboxMessage.from_db(connection.alias, CLAIMED, [*head, json.loads(payload), json.loads(headers), *tail])


def rooms_of(topics: Sequence[str], *, at: datetime, limit: int) -> list[int]:
    """How many of each topic may be claimed now. Limited ones are counted under a lock: the limit is exact."""
    limits = settings.OUTBOX_TOPIC_LIMITS
    limited = sorted(topic for topic in topics if topic in limits)
    if not limited:
        return [limit] * len(topics)
    with connection.cursor() as cursor:
        for topic in limited:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"outbox topic {topic}"])
        cursor.execute(IN_FLIGHT, {"topics": limited, "at": at})
        busy = dict(cursor.fetchall())
    return [min(limit, max(0, limits[topic] - busy.get(topic, 0))) if topic in limits else limit for topic in topics]


def finish(*, messages: Sequence[OutboxMessage], at: datetime) -> None:
    """The messages are delivered. Raises LeaseLost when any of them was claimed by another since."""
    if write_held(FINISH, messages, at=at) != len(messages):
        raise LeaseLost(f"{len(messages)} messages were to be finished, some of them have been claimed again")


def release(*, messages: Sequence[OutboxMessage], at: datetime) -> None:
    """Give back what was claimed and not begun, for anyone to take at once."""
    if messages:
        write_held(RELEASE, messages, at=at)


@transaction.atomic
def retake(*, message: OutboxMessage, at: datetime) -> bool:
    """Lease again what was given back, unless somebody else has it by now or its topic has no room; whether it is."""
    if not all(rooms_of([message.topic], at=at, limit=1)):
        return False
    until = at + timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)
    given_back = OutboxMessage.objects.filter(pk=message.pk, fence=message.fence, state=MessageState.PENDING)
    taken = given_back.update(state=MessageState.LEASED, due_at=until, fence=message.fence + 1)
    message.fence += taken
    return bool(taken)


def write_held(statement: str, messages: Sequence[OutboxMessage], *, at: datetime) -> int:
    """Run a statement over the messages that the caller still holds; how many these were."""
    with connection.cursor() as cursor:
        ids, fences = [message.pk for message in messages], [message.fence for message in messages]
        cursor.execute(statement, {"ids": ids, "fences": fences, "at": at})
        return int(cursor.rowcount)


def renew(*, message: OutboxMessage, at: datetime) -> None:
    """Let the lease begin anew, before work that nothing can roll back. Raises LeaseLost."""
    settle(message, due_at=at + timedelta(seconds=settings.OUTBOX_LEASE_SECONDS))


def defer(*, message: OutboxMessage, until: datetime, reason: str) -> None:
    """Try again later; no attempt is counted. Raises LeaseLost."""
    settle(message, state=MessageState.PENDING, due_at=until, last_error=reason[:MAX_ERROR_LENGTH])


def fail(*, message: OutboxMessage, error: str, at: datetime) -> bool:
    """Count an attempt and try again later, or give up after the last; whether it is dead. Raises LeaseLost."""
    attempts = message.attempts + 1
    if attempts > len(RETRY_DELAYS):
        bury(message=message, error=error, attempts=attempts, at=at)
        return True
    due_at = at + RETRY_DELAYS[attempts - 1] * random.uniform(0.75, 1.25)  # noqa: S311  jitter
    settle(message, state=MessageState.PENDING, attempts=attempts, due_at=due_at, last_error=error[:MAX_ERROR_LENGTH])
    return False


def bury(*, message: OutboxMessage, error: str, attempts: int, at: datetime) -> None:
    """The message waits for an operator from now on. Raises LeaseLost."""
    settle(message, state=MessageState.DEAD, attempts=attempts, finished_at=at, last_error=error[:MAX_ERROR_LENGTH])


def settle(message: OutboxMessage, **fields: object) -> None:
    """One conditional UPDATE of a message that the caller holds; raises LeaseLost when it does not hold it any more."""
    held = OutboxMessage.objects.filter(pk=message.pk, fence=message.fence, state=MessageState.LEASED)
    if not held.update(**fields):
        raise LeaseLost(f"{message} has been claimed again")
