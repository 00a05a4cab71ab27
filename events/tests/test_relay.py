"""Events get numbers without holes, and reach Redis once and in order, whatever happens in between."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from coupon_site.redis import client as redis_client
from events.frames import REGISTRY, stream_key
from events.leadership import Leadership, address
from events.models import EventStatus, OutboxChannel, OutboxEvent
from events.relay import Relay, ledger, selection, streams
from events.relay.ledger import LOST, Ledger
from events.relay.streams import Streams
from events.services import replay_events
from events.tests.clients import announce, relay_all

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = "events:orders"
FILL = """
INSERT INTO events_outboxevent (event_id, channel, event_type, schema_version, aggregate_type, aggregate_id, audience,
    payload, headers, status, attempts, next_attempt_at, last_error, created_at)
SELECT gen_random_uuid(), %s, 'raw', 1, 'thing', 'a', '{}', '{}', '{}', 0, 0, now(), '', now()
FROM generate_series(1, 2000)
"""


def standing() -> OutboxChannel:
    return OutboxChannel.objects.get(channel=ORDERS)


def key() -> str:
    return stream_key(ORDERS, standing().epoch)


def entries() -> list[tuple[int, dict[str, Any], str]]:
    """What the stream holds: number, frame, event id."""
    return [
        (int(entry.partition(b"-")[0]), json.loads(fields[b"d"]), fields[b"e"].decode())
        for entry, fields in redis_client().xrange(key())
    ]


def numbers() -> list[int]:
    return [seq for seq, _, _ in entries()]


def steps() -> list[int]:
    return [frame["data"]["step"] for _, frame, _ in entries()]


def states() -> list[tuple[int, int | None]]:
    return list(OutboxEvent.objects.order_by("id").values_list("status", "seq"))


@pytest.fixture
def plain() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What a plain subscriber of Redis hears."""
    with redis_client().pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(ORDERS)
        pubsub.get_message(timeout=10)

        def heard() -> list[dict[str, Any]]:
            found = []
            while message := pubsub.get_message(timeout=0.1):
                found.append(json.loads(message["data"]))
            return found

        yield heard


def test_events__are_numbered_and_published_to_the_stream_and_to_plain_subscribers(
    plain: Callable[[], list[dict[str, Any]]],
) -> None:
    for step in range(3):
        announce(step=step)

    assert relay_all() == 3

    assert numbers() == [1, 2, 3]
    assert steps() == [0, 1, 2]
    assert [frame["id"] for _, frame, _ in entries()] == [1, 2, 3]
    assert states() == [(EventStatus.PUBLISHED, seq) for seq in (1, 2, 3)]
    assert (standing().last_seq, standing().published_seq) == (3, 3)
    assert redis_client().hget(REGISTRY, ORDERS) == standing().epoch.encode()
    assert plain() == [{"channel": ORDERS, "data": frame["data"]} for _, frame, _ in entries()]


def test_batches__follow_each_other_until_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "BATCH", 2)
    for step in range(7):
        announce(step=step)

    assert relay_all() == 7

    assert steps() == list(range(7))


def test_stream__keeps_what_clients_may_ask_for_and_little_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_LENGTH", 100)
    for step in range(450):
        announce(step=step)

    relay_all()

    assert steps() == list(range(450 - len(steps()), 450))
    assert 100 <= len(steps()) <= 200  # Redis removes a hundred at a time


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (ledger.WAITING, [[ORDERS]], "queued_idx"),
        (ledger.RETRYING, [ORDERS], "retry_idx"),
        (ledger.QUEUED, {"channel": ORDERS, "retrying": [], "limit": 500}, "queued_idx"),
        (ledger.PASSED_OVER, {"channel": ORDERS, "last": 2_000, "ids": "{1}"}, "queued_idx"),
        (ledger.NUMBER, {"ids": "{1}", "last_seq": 0}, "pkey"),
        (ledger.MARK, ["{1}", 1, ORDERS], "pkey"),
    ],
    ids=["waiting", "retrying", "queued", "passed_over", "number", "mark"],
)
def test_statement__has_its_index_though_all_rows_were_waiting_when_last_counted(
    relay: Relay, statement: str, values: Any, index: str
) -> None:
    """The planner would walk whatever has been published since."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, [ORDERS])
        cursor.execute("ANALYZE events_outboxevent")
    assert relay.leadership.hold()

    lines = relay.ledger.session.execute(f"EXPLAIN {statement}".encode(), values).fetchall()

    plan = "\n".join(line["QUERY PLAN"] for line in lines)
    assert f"using events_outboxevent_{index}" in plan, plan
    assert "Seq Scan on events_outboxevent" not in plan, plan


# --- What can't be sent ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"payload": "{broken"}, "not JSON"),
        ({"payload": json.dumps("x" * 33_000)}, "bytes"),
        ({"event_type": "sample.forgotten"}, "no event is named"),
    ],
)
def test_poison__is_dead_before_it_has_a_number(fields: dict[str, str], error: str) -> None:
    announce(step=1)
    OutboxEvent.objects.update(**fields)
    announce(step=2)

    assert relay_all() == 1

    assert states() == [(EventStatus.DEAD, None), (EventStatus.PUBLISHED, 1)]
    assert error in OutboxEvent.objects.get(status=EventStatus.DEAD).last_error
    assert steps() == [2]


def test_dead_event_replayed__gets_a_new_number() -> None:
    announce(step=1)
    payload = OutboxEvent.objects.get().payload
    OutboxEvent.objects.update(payload="{broken")
    relay_all()
    announce(step=2)
    relay_all()
    dead = OutboxEvent.objects.get(status=EventStatus.DEAD)

    OutboxEvent.objects.filter(pk=dead.pk).update(payload=payload)
    replay_events(ids=[dead.event_id], at=timezone.now())
    relay_all()

    assert steps() == [2, 1]
    assert numbers() == [1, 2]


def test_event_that_fails__waits_and_holds_back_its_aggregate_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    thing, other = uuid4(), uuid4()
    for step, owner in enumerate([thing, other, thing, other]):
        announce(thing=owner, step=step)
    failing: set[int] = {0}
    check = selection.check

    def check_or_fail(row: dict[str, Any]) -> None:
        if json.loads(row["payload"])["step"] in failing:
            raise RuntimeError("not today")
        check(row)

    monkeypatch.setattr(selection, "check", check_or_fail)
    monkeypatch.setattr(selection, "RETRY_DELAYS", (timedelta(hours=1),))
    relay_all()
    assert steps() == [1, 3]
    first = OutboxEvent.objects.order_by("id")[0]
    assert (first.status, first.attempts, first.last_error) == (EventStatus.QUEUED, 1, "RuntimeError: not today")
    announce(thing=thing, step=4)
    relay_all()
    assert steps() == [1, 3]

    failing.clear()
    OutboxEvent.objects.filter(attempts=1).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    relay_all()

    assert steps() == [1, 3, 0, 2, 4]


def test_event_that_always_fails__is_dead_after_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(row: dict[str, Any]) -> None:
        raise RuntimeError("never")

    monkeypatch.setattr(selection, "check", fail)
    announce()
    for _ in range(6):
        relay_all()
        OutboxEvent.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))

    assert states() == [(EventStatus.DEAD, None)]


def test_row_that_somebody_holds__is_not_overtaken_by_its_aggregate() -> None:
    thing = uuid4()
    for step, owner in enumerate([thing, uuid4(), thing]):
        announce(thing=owner, step=step)
    with psycopg.connect(**address()) as session:
        session.execute("SELECT 1 FROM events_outboxevent ORDER BY id LIMIT 1 FOR UPDATE")

        relay_all()

        assert steps() == [1]
        session.rollback()

    relay_all()
    assert steps() == [1, 0, 2]


# --- Kills -----------------------------------------------------------------------------------------------------------
class Killed(BaseException):
    """The relay's process ends here; PostgreSQL and Redis see its connections close."""


POINTS = [(Ledger, "sequence"), (Streams, "append"), (Ledger, "mark")]


def run_until_killed(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, after: bool) -> None:
    """Run a relay that dies at a step, before or after it took effect."""
    original = getattr(owner, name)

    def fail(self: Any, *args: Any, **kwargs: Any) -> Any:
        if after:
            original(self, *args, **kwargs)
        raise Killed

    relay = Relay()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        with pytest.raises(Killed):
            relay.run(once=True)
    relay.leadership.resign()


def test_relay_killed_at_every_step__loses_and_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch, plain: Callable[[], list[dict[str, Any]]]
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 3)
    count = 0
    for owner, name in POINTS * 3:
        for after in (False, True):
            for _ in range(5):
                announce(step=count)
                count += 1
            run_until_killed(monkeypatch, owner, name, after=after)

    relay_all()

    assert numbers() == list(range(1, count + 1))
    assert steps() == list(range(count))
    assert [message["data"]["step"] for message in plain()] == list(range(count))
    assert {status for status, _ in states()} == {EventStatus.PUBLISHED}


def test_kill_inside_the_numbering__gives_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(step=0)
    run_until_killed(monkeypatch, Ledger, "number", after=True)
    assert states() == [(EventStatus.QUEUED, None)]

    relay_all()

    assert numbers() == [1]


# --- Two relays ------------------------------------------------------------------------------------------------------
def test_second_relay__stands_by_until_the_first_is_gone(relay: Relay) -> None:
    assert relay.leadership.hold()
    announce()

    assert relay_all() == 0
    relay.leadership.resign()

    assert relay_all() == 1


def test_leader_that_was_stopped_for_long__repeats_nothing_when_it_wakes(
    relay: Relay, plain: Callable[[], list[dict[str, Any]]]
) -> None:
    assert relay.leadership.hold()
    relay.turn()
    announce(step=1)
    batch = relay.ledger.sequence(ORDERS)

    let_silence_end_session(relay)
    announce(step=2)
    assert relay_all() == 2

    assert relay.streams.append(relay.streams_of[ORDERS], batch) == [1]
    with pytest.raises(LOST):
        relay.ledger.mark(batch)
    assert steps() == [1, 2]
    assert [message["data"]["step"] for message in plain()] == [1, 2]


def let_silence_end_session(relay: Relay) -> None:
    """PostgreSQL ends a session that is silent for as long as it was told, here only now; its lock is free then."""
    assert relay.leadership.session is not None
    row = relay.leadership.session.execute("SHOW idle_session_timeout").fetchone()
    assert row == {"idle_session_timeout": "15s"}
    relay.leadership.session.execute("SET idle_session_timeout = '100ms'")
    rival = Leadership("relay")
    while not rival.hold():
        pass
    rival.resign()


# --- Redis loses things ----------------------------------------------------------------------------------------------
def test_redis_flushed__is_put_back_with_the_same_ids(plain: Callable[[], list[dict[str, Any]]]) -> None:
    for step in range(5):
        announce(step=step)
    relay_all()
    before, epoch = entries(), standing().epoch
    assert len(plain()) == 5

    redis_client().flushall()
    assert relay_all() == 0

    assert entries() == before
    assert standing().epoch == epoch
    assert redis_client().hget(REGISTRY, ORDERS) == epoch.encode()
    assert plain() == []
    announce(step=5)
    relay_all()
    assert numbers() == [1, 2, 3, 4, 5, 6]


def test_redis_flushed_under_a_running_relay__is_noticed_with_the_next_event(relay: Relay) -> None:
    announce(step=0)
    relay.leadership.hold()
    relay.turn()
    relay.verified_at += 1000

    redis_client().flushall()
    announce(step=1)
    relay.turn()

    assert numbers() == [1, 2]


def test_older_snapshot__gets_its_missing_end_back() -> None:
    for step in range(5):
        announce(step=step)
    relay_all()
    before = entries()
    redis_client().delete(key())
    for seq, frame, event_id in before[:2]:
        fields = {"d": json.dumps(frame), "e": event_id, "t": 0, "a": ""}
        redis_client().xadd(key(), fields, id=f"{seq}-0")

    relay_all()

    assert numbers() == [1, 2, 3, 4, 5]


def test_flush_after_retention__still_continues_the_numbers() -> None:
    for step in range(3):
        announce(step=step)
    relay_all()
    OutboxEvent.objects.all().delete()
    redis_client().flushall()

    announce(step=3)
    relay_all()

    assert numbers() == [4]


# --- The database goes back ------------------------------------------------------------------------------------------
def test_stream_ahead_of_the_database__begins_a_new_epoch() -> None:
    for step in range(5):
        announce(step=step)
    relay_all()
    old = standing().epoch
    OutboxEvent.objects.filter(seq__gt=2).delete()
    OutboxChannel.objects.filter(channel=ORDERS).update(last_seq=2, published_seq=2)

    relay_all()
    assert standing().epoch != old
    assert 0 < redis_client().ttl(stream_key(ORDERS, old)) <= 3600

    announce(step=7)
    relay_all()
    assert redis_client().hget(REGISTRY, ORDERS) == standing().epoch.encode()
    assert numbers() == [1, 2, 3]
    assert steps() == [0, 1, 7]


def test_other_event_under_a_number__begins_a_new_epoch() -> None:
    announce(step=0)
    relay_all()
    old = standing().epoch
    OutboxEvent.objects.update(event_id=uuid4())

    relay_all()

    assert standing().epoch != old
    assert numbers() == [1]


def test_foreign_writer_just_ahead__begins_a_new_epoch_and_nothing_is_lost(relay: Relay) -> None:
    relay.leadership.hold()
    relay.turn()
    old = standing().epoch
    redis_client().xadd(key(), {"d": "{}", "e": str(uuid4()), "t": 0, "a": ""}, id="1-0")

    with transaction.atomic():
        announce(step=1)
    relay.verified_at += 1000
    relay.turn()

    assert standing().epoch != old
    assert steps() == [1]


# --- Servers away ----------------------------------------------------------------------------------------------------
def test_session_ended_by_postgresql__is_replaced(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.relay.relay.FIRST_PAUSE_SECONDS", 0.001)
    relay.pause_seconds = 0.001
    assert relay.leadership.hold()
    with psycopg.connect(**address(), autocommit=True) as session:
        pid = relay.leadership.session.info.backend_pid  # type: ignore[union-attr]
        session.execute("SELECT pg_terminate_backend(%s)", [pid])
    announce()

    assert relay.run(once=True) == 1


def test_redis_away__leaves_the_events_numbered_and_goes_on_later(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.relay.relay.FIRST_PAUSE_SECONDS", 0.001)
    relay.pause_seconds = 0.001
    announce()
    tries: list[int] = []
    original = Streams.append

    def fail_thrice(self: Streams, *args: Any) -> list[int]:
        tries.append(1)
        if len(tries) <= 3:
            raise ConnectionError("Redis is away")
        return original(self, *args)

    monkeypatch.setattr(Streams, "append", fail_thrice)

    assert relay.run(once=True) == 1

    assert len(tries) == 4
    assert numbers() == [1]
    assert OutboxEvent.objects.get().attempts == 0


def test_numbers__never_skip_within_an_epoch() -> None:
    for step in range(4):
        announce(step=step)
        relay_all()

    assert all(later == earlier + 1 for earlier, later in pairwise(numbers()))
