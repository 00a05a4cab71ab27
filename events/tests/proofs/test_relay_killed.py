"""The relay killed twenty times where it hurts: nothing lost, nothing twice, each thing's events in their order."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from coupon_site.redis import client as redis_client
from events.frames import stream_key
from events.models import OutboxChannel, OutboxEvent
from events.relay import Relay, streams
from events.tests.clients import announce
from events.tests.processes import wait_for
from tests.crowd import KILLED, Crowd
from tests.kills.stages import Stage, relay

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

KILLS = 20
BETWEEN = 25
STAGES = [
    Stage("events.relay.ledger:Ledger.number", "after"),
    Stage("events.relay.ledger:Ledger.sequence", "after"),
    Stage("events.relay.streams:Streams.append", "after"),
    Stage("events.relay.ledger:Ledger.mark", "before"),
]


def as_it_is() -> None:
    """Every guard is on."""


def with_redis_own_numbers() -> None:
    """Redis numbers what it is given, so that it can't know an event again."""
    streams.APPEND = streams.APPEND.replace("seq .. '-0',", "'*',")


def told_through_kills(crowd: Crowd, unguard: Callable[[], None]) -> list[tuple[str, UUID, int]]:
    """Events before each kill; what is in the stream at last: event id, thing, step."""
    things = [uuid4() for _ in range(5)]
    step = 0
    for number in range(KILLS):
        for _ in range(BETWEEN):
            announce(thing=things[step % len(things)], step=step)
            step += 1
        dies = partial(relay, stage=STAGES[number % len(STAGES)])
        wait_for(lambda action=dies: crowd.at_once(action, unguard=unguard) == [KILLED])
    wait_for(lambda: crowd.at_once(partial(relay, stage=None), unguard=unguard) == ["lived"] and not left())
    return in_the_stream()


def left() -> bool:
    """Whether something still waits; nobody leads until PostgreSQL has noticed the last kill."""
    return OutboxEvent.objects.filter(status__lt=2).exists()


def in_the_stream() -> list[tuple[str, UUID, int]]:
    channel = OutboxChannel.objects.get(channel="events:orders")
    entries: Any = redis_client().xrange(stream_key(channel.channel, channel.epoch))
    data = [(fields[b"e"].decode(), orjson.loads(fields[b"d"])["data"]) for _, fields in entries]
    return [(event_id, UUID(each["thing"]), each["step"]) for event_id, each in data]


def test_relay_killed_twenty_times__every_event_is_told_once_and_in_order(crowd: Crowd) -> None:
    with redis_client().pubsub(ignore_subscribe_messages=True) as plain:
        plain.subscribe("events:orders")
        plain.get_message(timeout=10)

        told = told_through_kills(crowd, as_it_is)
        heard = [orjson.loads(message["data"])["data"]["step"] for message in iter(plain.get_message, None)]

    count = KILLS * BETWEEN
    assert len({event_id for event_id, _, _ in told}) == len(told) == count
    assert numbers() == list(range(1, count + 1))
    by_thing: dict[UUID, list[int]] = defaultdict(list)
    for _, thing, step in told:
        by_thing[thing].append(step)
    assert all(steps == sorted(steps) for steps in by_thing.values())
    assert sorted(heard) == list(range(count))


def numbers() -> list[int]:
    return list(OutboxEvent.objects.order_by("seq").values_list("seq", flat=True))


def test_with_numbers_of_redis_own__a_kill_tells_events_twice(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: if this fails, the kills above come where they do no harm."""
    for step in range(3):
        announce(step=step)

    dies = partial(relay, stage=Stage("events.relay.streams:Streams.append", "after"))
    assert crowd.at_once(dies, unguard=with_redis_own_numbers) == [KILLED]
    monkeypatch.setattr(streams, "APPEND", streams.APPEND.replace("seq .. '-0',", "'*',"))
    monkeypatch.setattr(Relay, "reconcile", publish_leftovers)
    wait_for(lambda: Relay().run(once=True) > 0)

    assert sorted(step for _, _, step in in_the_stream()) == [0, 0, 1, 1, 2, 2]


def publish_leftovers(relay: Relay, channel: str) -> None:
    """As the relay does, without asking Redis for numbers that it has made up itself."""
    relay.streams_of[channel] = streams.Stream(channel, relay.ledger.standing(channel)["epoch"])
    if events := relay.ledger.leftovers(channel):
        relay.publish(events)
