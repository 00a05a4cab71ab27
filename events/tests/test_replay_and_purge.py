"""What operators do about what was given up."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from events.models import EventStatus, MessageState, OutboxEvent, OutboxMessage
from events.services import purge_events, purge_messages, remove_old_rows, replay_events, replay_messages

MakeMessage = Callable[..., OutboxMessage]
STATES = [MessageState.PENDING, MessageState.LEASED, MessageState.DELIVERED]


def ended(state: str) -> dict[str, object]:
    done = state in {MessageState.DELIVERED, MessageState.DEAD}
    return {"state": state, "finished_at": timezone.now() if done else None}


def make_event(**fields: object) -> OutboxEvent:
    return OutboxEvent.objects.create(
        **{
            "channel": "events:orders",
            "event_type": "sample.moved",
            "aggregate_type": "thing",
            "aggregate_id": str(uuid4()),
            "audience": [],
            "payload": "{}",
            **fields,
        }
    )


@pytest.mark.django_db
def test_dead_message__is_due_again_with_all_its_tries(make_message: MakeMessage) -> None:
    message = make_message(**ended("dead"), attempts=6, expired_leases=5, last_error="bad")
    now = timezone.now()

    assert replay_messages(ids=[message.pk], at=now) == 1

    message.refresh_from_db()
    assert (message.state, message.attempts, message.expired_leases, message.due_at) == ("pending", 0, 0, now)
    assert (message.finished_at, message.last_error) == (None, "bad")


@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES)
def test_message_that_is_not_dead__is_neither_replayed_nor_purged(make_message: MakeMessage, state: str) -> None:
    message = make_message(**ended(state))
    before = OutboxMessage.objects.values().get()

    assert replay_messages(ids=[message.pk], at=timezone.now()) == 0
    assert purge_messages(ids=[message.pk]) == 0

    assert OutboxMessage.objects.values().get() == before


@pytest.mark.django_db
def test_dead_message__is_purged_alone(make_message: MakeMessage) -> None:
    message, other = make_message(**ended("dead")), make_message(**ended("dead"))

    assert purge_messages(ids=[message.pk]) == 1

    assert OutboxMessage.objects.get() == other


@pytest.mark.django_db
def test_dead_event__queues_again_without_its_number() -> None:
    event = make_event(status=EventStatus.DEAD, attempts=3, last_error="bad")

    assert replay_events(ids=[event.event_id], at=timezone.now()) == 1

    event.refresh_from_db()
    assert (event.status, event.seq, event.attempts, event.last_error) == (EventStatus.QUEUED, None, 0, "")


@pytest.mark.django_db
def test_published_event__is_neither_replayed_nor_purged() -> None:
    event = make_event(status=EventStatus.PUBLISHED, seq=1)

    assert replay_events(ids=[event.event_id], at=timezone.now()) == 0
    assert purge_events(ids=[event.event_id]) == 0
    assert OutboxEvent.objects.get().status == EventStatus.PUBLISHED


@pytest.mark.django_db
def test_retention__keeps_a_week_of_what_is_done_90_days_of_the_dead_and_all_that_waits(
    make_message: MakeMessage,
) -> None:
    now = timezone.now()
    young, week, quarter = now - timedelta(days=6), now - timedelta(days=8), now - timedelta(days=91)
    for moment in (young, week, quarter):
        make_event(status=EventStatus.PUBLISHED, seq=moment.toordinal(), published_at=moment, created_at=moment)
        make_event(status=EventStatus.DEAD, created_at=moment)
        make_event(created_at=moment)
        for state in MessageState.values:
            finished = moment if state in {"delivered", "dead"} else None
            make_message(state=state, finished_at=finished, created_at=moment, due_at=moment)

    assert remove_old_rows(at=now) == 2 + 1 + 2 + 1

    assert OutboxEvent.objects.filter(status=EventStatus.PUBLISHED).count() == 1
    assert OutboxEvent.objects.filter(status=EventStatus.DEAD).count() == 2
    assert OutboxEvent.objects.filter(status=EventStatus.QUEUED).count() == 3
    counted = {state: OutboxMessage.objects.filter(state=state).count() for state in MessageState.values}
    assert counted == {"pending": 3, "leased": 3, "delivered": 1, "dead": 2}


@pytest.mark.django_db
def test_retention__works_in_batches(make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.services.retention.BATCH", 2)
    for _ in range(5):
        make_message(state="delivered", finished_at=timezone.now() - timedelta(days=8))

    assert remove_old_rows(at=timezone.now()) == 5
