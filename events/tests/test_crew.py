"""Calls of the outside world, several at once."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from events import crew as crews
from events import task
from events.crew import WEBHOOKS, Crew
from events.models import MessageState, OutboxMessage, WebhookDelivery, WebhookEndpoint
from events.registry import Registry, name_of
from events.services import claim
from events.tests.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

MakeMessage = Callable[..., OutboxMessage]


@pytest.fixture
def crew(settings: Settings) -> Iterator[Crew]:
    """Two hands."""
    settings.OUTBOX_OUTSIDE_THREADS = 2
    crew = Crew(["sample"])
    yield crew
    if crew.is_alive():
        crew.stop()


@pytest.fixture
def calls(handlers: Registry, make_message: MakeMessage) -> Callable[..., None]:
    """That many calls of a handler wait."""

    def wait(handler: Callable[[OutboxMessage], object], count: int, **fields: object) -> None:
        task(topic="sample", transactional=False)(handler)
        for _ in range(count):
            make_message(handler=name_of(handler), outside=True, **fields)

    return wait


def count(state: MessageState) -> int:
    return OutboxMessage.objects.filter(state=state).count()


def test_calls__run_as_many_at_once_as_there_are_hands(crew: Crew, calls: Callable[..., None]) -> None:
    pair = threading.Barrier(2, timeout=10)
    calls(lambda message: pair.wait(), 6)

    crew.start()

    wait_for(lambda: count(MessageState.DELIVERED) == 6)
    assert not OutboxMessage.objects.exclude(attempts=0).exists()


def test_hands_that_are_busy__claim_nothing(crew: Crew, calls: Callable[..., None]) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    calls(lambda message: begun.release() or go_on.wait(10), 5)

    crew.start()
    assert begun.acquire(timeout=10)
    assert begun.acquire(timeout=10)
    crew.wake()

    assert not begun.acquire(timeout=0.3)
    assert (count(MessageState.LEASED), count(MessageState.PENDING)) == (2, 3)
    go_on.set()
    wait_for(lambda: count(MessageState.DELIVERED) == 5)


def test_stop__finishes_what_was_begun_and_leaves_the_rest(crew: Crew, calls: Callable[..., None]) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    calls(lambda message: begun.release() or go_on.wait(10), 5)
    crew.start()
    assert begun.acquire(timeout=10)
    assert begun.acquire(timeout=10)

    threading.Thread(target=lambda: wait_for(lambda: crew.stopping) or go_on.set()).start()
    crew.stop()

    assert (count(MessageState.DELIVERED), count(MessageState.PENDING)) == (2, 3)
    assert crew.done == 2


def test_each_hand__has_a_connection_of_its_own_and_failures_are_written_down(
    crew: Crew, calls: Callable[..., None]
) -> None:
    def writes(message: OutboxMessage) -> None:
        User.objects.create(email=f"{message.pk}@effects.example")
        raise ValueError("said no")

    calls(writes, 4)

    crew.start()

    wait_for(lambda: OutboxMessage.objects.filter(attempts=1, last_error="ValueError: said no").count() == 4)
    assert User.objects.filter(email__endswith="@effects.example").count() == 4


def test_suspect__runs_while_nothing_else_does(crew: Crew, calls: Callable[..., None]) -> None:
    running: set[str] = set()
    beside: dict[str, int] = {}

    def notes(message: OutboxMessage) -> None:
        running.add(str(message.pk))
        before = len(running)
        threading.Event().wait(0.1)
        beside[str(message.pk)] = max(before, len(running))
        running.discard(str(message.pk))

    calls(notes, 3)
    suspects = OutboxMessage.objects.all()
    suspects.filter(pk=suspects.order_by("pk")[1].pk).update(expired_leases=1)

    crew.start()

    wait_for(lambda: count(MessageState.DELIVERED) == 3)
    assert beside[str(OutboxMessage.objects.get(expired_leases=1).pk)] == 1


def test_message_that_keeps_killing_its_worker__is_buried(crew: Crew, calls: Callable[..., None]) -> None:
    called: list[int] = []
    calls(lambda message: called.append(1), 1, expired_leases=5)

    crew.start()

    wait_for(lambda: count(MessageState.DEAD) == 1)
    assert called == []


def test_webhooks__have_half_of_the_hands_at_most(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOX_OUTSIDE_THREADS = 4
    for number in range(3):
        endpoint = WebhookEndpoint.objects.create(url=f"https://shop{number}.example/", topics=["*"])
        WebhookDelivery.objects.create(endpoint=endpoint, event_id=uuid4(), event_type="sample.moved", body="{}")
    begun, go_on = threading.Semaphore(0), threading.Event()
    monkeypatch.setattr(crews, "deliver", lambda **values: begun.release() or go_on.wait(10))
    crew = Crew(["sample", WEBHOOKS])

    crew.start()

    assert begun.acquire(timeout=10)
    assert begun.acquire(timeout=10)
    assert not begun.acquire(timeout=0.6)
    go_on.set()
    assert begun.acquire(timeout=10)
    crew.stop()


def test_database_away__makes_it_wait_and_go_on(
    crew: Crew, calls: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(lambda message: None, 1)
    tries: list[int] = []

    def claim_or_fail(**values: object) -> list[OutboxMessage]:
        tries.append(1)
        if len(tries) <= 2:
            raise OperationalError("the server closed the connection unexpectedly")
        return claim(**values)  # type: ignore[arg-type]

    monkeypatch.setattr(crews, "claim", claim_or_fail)
    crew.start()

    wait_for(lambda: count(MessageState.DELIVERED) == 1)


@pytest.mark.parametrize(("outside", "taken"), [(True, 1), (False, 2), (None, 3)], ids=["outside", "inside", "both"])
def test_lanes__are_claimed_apart(make_message: MakeMessage, outside: bool | None, taken: int) -> None:
    for lane in (True, False, False):
        make_message(outside=lane)

    assert len(claim(topics=["sample"], at=timezone.now() + timedelta(seconds=1), outside=outside)) == taken
