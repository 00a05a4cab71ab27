"""Many writers that commit in another order than they write: the relay loses nothing, a cursor over ids does."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection, transaction

from coupon_site.redis import client as redis_client
from events import publish_many
from events.frames import stream_key
from events.leadership import address
from events.models import EventStatus, OutboxChannel, OutboxEvent
from events.relay import Relay
from events.relay.streams import MAX_LENGTH
from events.tests.samples import Moved

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

WRITERS = 16
TRANSACTIONS = 125
EACH = 5
COUNT = WRITERS * TRANSACTIONS * EACH


def write(things: list[UUID]) -> None:
    """Transactions that take their ids early and commit late."""
    rng = random.Random()
    for step in range(TRANSACTIONS):
        with transaction.atomic():
            publish_many([Moved(thing=rng.choice(things), step=step) for _ in range(EACH)])
            time.sleep(rng.random() * 0.02)
    connection.close()


def write_from_many_sides() -> None:
    """Each writer has things of its own, as the lock of an aggregate would have it."""
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(write, [uuid4() for _ in range(5)]) for _ in range(WRITERS)]:
            done.result()


def alongside(work: Callable[[threading.Event], None]) -> None:
    """Run something in a thread while the writers write, and let it finish."""
    written = threading.Event()
    thread = threading.Thread(target=work, args=[written])
    connection.close()
    thread.start()
    try:
        write_from_many_sides()
    finally:
        written.set()
        thread.join()


def stop(relay: Relay, written: threading.Event) -> None:
    """Once all is published, or a minute after all was written."""
    written.wait()
    ends_at = time.monotonic() + 60
    while OutboxEvent.objects.exclude(status=EventStatus.PUBLISHED).exists() and time.monotonic() < ends_at:
        time.sleep(0.1)
    connection.close()
    relay.stop()


def test_relay__numbers_every_event_once_without_a_hole_and_in_order_of_each_aggregate() -> None:
    relay = Relay()

    def run(written: threading.Event) -> None:
        threading.Thread(target=stop, args=[relay, written]).start()
        relay.run()

    alongside(run)

    rows = list(OutboxEvent.objects.order_by("seq").values_list("seq", "aggregate_id", "id"))
    assert [seq for seq, _, _ in rows] == list(range(1, COUNT + 1))
    by_thing: dict[str, list[int]] = {}
    for _, thing, pk in rows:
        by_thing.setdefault(thing, []).append(pk)
    assert all(pks == sorted(pks) for pks in by_thing.values())
    channel = OutboxChannel.objects.get(channel="events:orders")
    ids = [entry for entry, _ in redis_client().xrange(stream_key("events:orders", channel.epoch))]
    assert ids == [f"{seq}-0".encode() for seq in range(COUNT - len(ids) + 1, COUNT + 1)]
    assert len(ids) >= MAX_LENGTH


def test_cursor_over_ids__loses_events() -> None:
    """The control: were the writers too tame to make a cursor fail, the test above would prove nothing."""
    found: list[int] = []

    def follow(written: threading.Event) -> None:
        with psycopg.connect(**address(), autocommit=True) as session:
            last, at_the_end = 0, False
            while not at_the_end:
                at_the_end = written.is_set()
                query = "SELECT id FROM events_outboxevent WHERE id > %s ORDER BY id"
                for (pk,) in session.execute(query, [last]).fetchall():
                    found.append(pk)
                    last = pk

    alongside(follow)

    assert len(found) < OutboxEvent.objects.count() == COUNT
