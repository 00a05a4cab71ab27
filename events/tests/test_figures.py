"""What the state exporter reads."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import EventStatus, OutboxMessage
from events.queries import Figures, event_figures, message_figures, total
from events.tests.test_replay_and_purge import make_event

MakeMessage = Callable[..., OutboxMessage]


@pytest.mark.django_db
def test_messages__are_counted_by_topic_and_by_what_they_wait_for(make_message: MakeMessage) -> None:
    now = timezone.now()
    ago, later = now - timedelta(seconds=30), now + timedelta(seconds=30)
    make_message(due_at=now, scheduled_at=now)
    make_message(state="leased", due_at=later, scheduled_at=ago)
    make_message(state="leased", due_at=ago, scheduled_at=ago)
    make_message(due_at=later, scheduled_at=later)
    make_message(state="dead", finished_at=now)
    make_message(state="delivered", finished_at=now, scheduled_at=now - timedelta(days=1))
    make_message(topic="elsewhere", due_at=now, scheduled_at=now - timedelta(seconds=90))

    figures = message_figures(at=now)

    assert figures == {
        "sample": Figures(queued=2, in_flight=1, dead=1, oldest_pending_age_seconds=30),
        "elsewhere": Figures(queued=1, oldest_pending_age_seconds=90),
    }
    assert total(list(figures.values())) == Figures(queued=3, in_flight=1, dead=1, oldest_pending_age_seconds=90)


@pytest.mark.django_db
def test_events__are_counted_by_channel() -> None:
    now = timezone.now()
    make_event(created_at=now - timedelta(seconds=5))
    make_event(status=EventStatus.SEQUENCED, seq=1, created_at=now - timedelta(seconds=9))
    make_event(status=EventStatus.DEAD, created_at=now - timedelta(days=9))
    make_event(status=EventStatus.PUBLISHED, seq=2)

    assert event_figures(at=now) == {
        "events:orders": Figures(queued=1, in_flight=1, dead=1, oldest_pending_age_seconds=9)
    }


@pytest.mark.django_db
def test_empty_outbox__is_zero() -> None:
    assert message_figures(at=timezone.now()) == event_figures(at=timezone.now()) == {}
    assert total([]) == Figures()
