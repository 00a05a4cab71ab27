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

# What a statement costs must not depend on statistics of a table that is empty one moment and has a million rows the
# next: each has an index of its own and is bound to it, by the order of rows, by a range where an equality would let
# the primary key do as well (with all that has been published before), and by what the session is forbidden.
PLANS = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_sort", "jit"), "off")

WAITING = """
SELECT wanted.channel FROM unnest(%s::text[]) AS wanted (channel)
CROSS JOIN LATERAL (
    SELECT FROM events_outboxevent
    WHERE channel BETWEEN wanted.channel AND wanted.channel AND status = 0
        AND (attempts = 0 OR next_attempt_at <= now())
    ORDER BY channel, id LIMIT 1
) AS first
"""

# Aggregates with an event that waits for a retry: few or none, by an index of their own.
RETRYING = """
SELECT DISTINCT aggregate_type || ' ' || aggregate_id AS aggregate FROM events_outboxevent
WHERE channel = %s AND status = 0 AND attempts > 0 AND next_attempt_at > now()
"""

QUEUED = """
SELECT id, event_id, channel, event_type, aggregate_type, aggregate_id, audience, payload, attempts, created_at
FROM events_outboxevent
WHERE channel BETWEEN %(channel)s AND %(channel)s AND status = 0
    AND aggregate_type || ' ' || aggregate_id <> ALL(%(retrying)s)
ORDER BY channel, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

# Rows in between that somebody has locked, such as a clean-up: nothing of their aggregates may overtake them.
PASSED_OVER = """
SELECT aggregate_type, aggregate_id, min(id) AS id FROM (
    SELECT aggregate_type, aggregate_id, id FROM events_outboxevent
    WHERE channel BETWEEN %(channel)s AND %(channel)s AND status = 0 AND id < %(last)s
        AND id <> ALL(%(ids)s::bigint[])
    ORDER BY channel, id
) AS earlier GROUP BY aggregate_type, aggregate_id
"""

BURY = "UPDATE events_outboxevent SET status = 3, attempts = attempts + 1, last_error = %s WHERE id = %s"

RETRY = """
UPDATE events_outboxevent SET attempts = attempts + 1, next_attempt_at = now() + %s, last_error = %s WHERE id = %s
"""

NUMBER = """
UPDATE events_outboxevent AS event SET status = 1, seq = %(last_seq)s + numbered.place, sequenced_at = now()
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS numbered (id, place) WHERE event.id = numbered.id
"""

MARK = """
WITH done AS (UPDATE events_outboxevent SET status = 2, published_at = now() WHERE id = ANY(%s::bigint[]))
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
            values = {"channel": channel, "retrying": retrying, "limit": BATCH}
            queued = session.execute(QUEUED, values).fetchall()
            if not queued or standing is None:
                return []
            ids = [row["id"] for row in queued]
            values = {"channel": channel, "last": ids[-1], "ids": array(ids)}
            passed_over = session.execute(PASSED_OVER, values).fetchall()
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
        self.session.execute(NUMBER, {"ids": array([event.id for event in events]), "last_seq": last_seq})
        update = "UPDATE events_outboxchannel SET last_seq = %s WHERE channel = %s"
        self.session.execute(update, [events[-1].seq, channel])
        add_deliveries(self.session, rows)
        return events

    def mark(self, events: Sequence[NumberedEvent]) -> None:
        """The events, all of one channel, are published."""
        self.session.execute(MARK, [array([event.id for event in events]), events[-1].seq, events[-1].channel])

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


def array(ids: Sequence[int]) -> str:
    """For PostgreSQL; psycopg would look at each number."""
    return f"{{{','.join(map(str, ids))}}}"


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
