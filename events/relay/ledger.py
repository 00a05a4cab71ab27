"""The relay's side of PostgreSQL: all of it on the session that holds the leader's lock."""

import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from events.errors import LeadershipLost
from events.frames import NumberedEvent
from events.leadership import Leadership, Session
from events.relay.deliveries import add_deliveries
from events.relay.selection import Selection, select

BATCH = 500
COLUMNS = "id, seq, event_id, channel, audience, payload, created_at"

WAITING = """
SELECT channel FROM unnest(%s::text[]) AS channel WHERE EXISTS (
    SELECT 1 FROM events_outboxevent AS event
    WHERE event.channel = channel.channel AND status = 0 AND (attempts = 0 OR next_attempt_at <= now())
)
"""

# Aggregates with an event that waits for a retry: few or none, by an index of their own.
RETRYING = """
SELECT DISTINCT aggregate_type || ' ' || aggregate_id AS aggregate FROM events_outboxevent
WHERE channel = %s AND status = 0 AND attempts > 0 AND next_attempt_at > now()
"""

QUEUED = """
SELECT id, event_id, channel, event_type, aggregate_type, aggregate_id, audience, payload, attempts, created_at
FROM events_outboxevent
WHERE channel = %s AND status = 0 AND aggregate_type || ' ' || aggregate_id <> ALL(%s)
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""

# Rows in between that somebody has locked, such as a clean-up: nothing of their aggregates may overtake them.
PASSED_OVER = """
SELECT aggregate_type, aggregate_id, min(id) AS id FROM events_outboxevent
WHERE channel = %s AND status = 0 AND id < %s AND id <> ALL(%s) GROUP BY aggregate_type, aggregate_id
"""

BURY = "UPDATE events_outboxevent SET status = 3, attempts = attempts + 1, last_error = %s WHERE id = %s"

RETRY = """
UPDATE events_outboxevent SET attempts = attempts + 1, next_attempt_at = now() + %s, last_error = %s WHERE id = %s
"""

NUMBER = """
UPDATE events_outboxevent AS event SET status = 1, seq = numbered.seq, sequenced_at = now()
FROM unnest(%s::bigint[], %s::bigint[]) AS numbered (id, seq) WHERE event.id = numbered.id
"""

MARK = """
WITH done AS (UPDATE events_outboxevent SET status = 2, published_at = now() WHERE id = ANY(%s) AND status = 1)
UPDATE events_outboxchannel SET published_seq = greatest(published_seq, %s) WHERE channel = %s
"""


class Ledger:
    """Numbers events and remembers what has been published. Raises LOST when the session is gone."""

    def __init__(self, leadership: Leadership) -> None:
        self.leadership = leadership

    @property
    def session(self) -> Session:
        if self.leadership.session is None or not self.leadership.leads:
            raise LeadershipLost
        return self.leadership.session

    def open_channels(self, channels: Sequence[str]) -> None:
        """Every channel has its row."""
        insert = "INSERT INTO events_outboxchannel VALUES (%s, %s, 0, 0) ON CONFLICT DO NOTHING"
        for channel in channels:
            self.session.execute(insert, [channel, new_epoch()])

    def standing(self, channel: str) -> dict[str, Any]:
        """The row of a channel: epoch, last_seq, published_seq."""
        query = "SELECT epoch, last_seq, published_seq FROM events_outboxchannel WHERE channel = %s"
        row = self.session.execute(query, [channel]).fetchone()
        assert row is not None  # noqa: S101  open_channels() made it
        return row

    def waiting(self, channels: Sequence[str]) -> list[str]:
        """The channels that have something to number: one probe of an index for each."""
        return [row["channel"] for row in self.session.execute(WAITING, [list(channels)]).fetchall()]

    def sequence(self, channel: str) -> list[NumberedEvent]:
        """Give the next numbers to up to 500 waiting events, in one short transaction; the events, in order."""
        session = self.session
        with session.transaction():
            query = "SELECT last_seq FROM events_outboxchannel WHERE channel = %s FOR UPDATE"
            standing = session.execute(query, [channel]).fetchone()
            retrying = [row["aggregate"] for row in session.execute(RETRYING, [channel]).fetchall()]
            queued = session.execute(QUEUED, [channel, retrying, BATCH]).fetchall()
            if not queued or standing is None:
                return []
            ids = [row["id"] for row in queued]
            passed_over = session.execute(PASSED_OVER, [channel, ids[-1], ids]).fetchall()
            selection = select(queued, passed_over)
            self.set_aside(selection)
            return self.number(selection.accepted, channel=channel, last_seq=standing["last_seq"])

    def set_aside(self, selection: Selection) -> None:
        """Rows that can never be sent are dead before numbering; failed ones wait, and hold back their aggregate."""
        for row, error in selection.poison:
            self.session.execute(BURY, [error, row["id"]])
        for row, error, delay in selection.retry:
            self.session.execute(RETRY, [delay, error, row["id"]])

    def number(self, rows: Sequence[dict[str, Any]], *, channel: str, last_seq: int) -> list[NumberedEvent]:
        if not rows:
            return []
        events = [numbered(row, seq=seq) for seq, row in enumerate(rows, last_seq + 1)]
        self.session.execute(NUMBER, [[event.id for event in events], [event.seq for event in events]])
        update = "UPDATE events_outboxchannel SET last_seq = %s WHERE channel = %s"
        self.session.execute(update, [events[-1].seq, channel])
        add_deliveries(self.session, rows)
        return events

    def mark(self, events: Sequence[NumberedEvent]) -> None:
        """The events, all of one channel, are published."""
        self.session.execute(MARK, [[event.id for event in events], events[-1].seq, events[-1].channel])

    def leftovers(self, channel: str) -> list[NumberedEvent]:
        """Numbered, and perhaps not published: what a killed relay left behind."""
        query = f"SELECT {COLUMNS} FROM events_outboxevent WHERE channel = %s AND status = 1 ORDER BY seq"  # noqa: S608  a constant
        return self.events(query, [channel])

    def tail(self, channel: str, *, after: int, upto: int, limit: int) -> list[NumberedEvent]:
        """The last published events with numbers in (after, upto], in order."""
        query = f"""
            SELECT {COLUMNS} FROM events_outboxevent
            WHERE channel = %s AND seq > greatest(%s, %s) AND seq <= %s AND status = 2 ORDER BY seq
        """  # noqa: S608  a constant
        return self.events(query, [channel, after, upto - limit, upto])

    def event_id(self, channel: str, seq: int) -> UUID | None:
        """Which event has that number; None when it is removed already."""
        query = "SELECT event_id FROM events_outboxevent WHERE channel = %s AND seq = %s"
        row = self.session.execute(query, [channel, seq]).fetchone()
        return row["event_id"] if row else None

    def renew_epoch(self, channel: str) -> str:
        """The numbers of the present stream can't be trusted any more: begin another."""
        epoch = new_epoch()
        self.session.execute("UPDATE events_outboxchannel SET epoch = %s WHERE channel = %s", [epoch, channel])
        return epoch

    def events(self, query: str, values: Sequence[object]) -> list[NumberedEvent]:
        return [NumberedEvent(**row) for row in self.session.execute(query.encode(), values).fetchall()]


def new_epoch() -> str:
    return secrets.token_hex(4)


def numbered(row: dict[str, Any], *, seq: int) -> NumberedEvent:
    return NumberedEvent(
        id=row["id"],
        seq=seq,
        event_id=row["event_id"],
        channel=row["channel"],
        audience=row["audience"],
        payload=row["payload"],
        created_at=row["created_at"],
    )


LOST = (psycopg.Error, LeadershipLost)
"""What any method raises when PostgreSQL is away or has ended the session."""
