"""What a transaction leaves in the outbox."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coupon_site.tracing import request_id
from events import enqueue, handles, publish, publish_many, task
from events.events import Event, as_json
from events.models import MessageState, OutboxEvent, OutboxMessage
from events.registry import Registry
from events.tests.samples import Moved, Noted


def moved(**fields: object) -> Moved:
    return Moved(**{"thing": uuid4(), "step": 1, **fields})


@transaction.atomic
def publish_and_fail() -> None:
    publish(moved())
    raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction__is_refused(handlers: Registry) -> None:
    @task()
    def later(message: OutboxMessage) -> None: ...

    for announce in (
        lambda: publish(moved()),
        lambda: publish_many([moved()]),
        lambda: publish("events:orders", {}),
        lambda: enqueue(later, {}),
    ):
        with pytest.raises(RuntimeError, match="inside the transaction"):
            announce()

    assert not OutboxEvent.objects.exists()
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_transaction_rolled_back__emits_nothing(handlers: Registry) -> None:
    handles(Moved)(lambda message: None)

    with pytest.raises(ZeroDivisionError):
        publish_and_fail()

    assert not OutboxEvent.objects.exists()
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_event__is_one_fact_for_browsers_and_one_message_for_each_handler(handlers: Registry) -> None:
    @handles(Moved)
    def first(message: OutboxMessage) -> None: ...

    @handles(Moved, topic="elsewhere")
    def second(message: OutboxMessage) -> None: ...

    owner, token = uuid4(), request_id.set("request-1")

    event = moved(owner=owner, secret="not for browsers", step=3)
    publish(event)
    request_id.reset(token)

    fact = OutboxEvent.objects.get()
    data = json.loads(fact.payload)
    assert (data["type"], data["step"], data["owner"]) == ("sample.moved", 3, str(owner))
    assert "secret" not in data
    assert fact.audience == ["perm:orders.view_order", f"user:{owner}"]
    assert (fact.channel, fact.aggregate_type, fact.aggregate_id) == ("events:orders", "thing", str(event.thing))
    assert fact.headers == {"request_id": "request-1", "event_id": str(fact.event_id)}
    messages = {message.topic: message for message in OutboxMessage.objects.all()}
    assert set(messages) == {"events", "elsewhere"}
    for message in messages.values():
        assert message.payload == {**event.payload(), "secret": "not for browsers"}
        assert message.headers == fact.headers
        assert (message.state, message.event, message.attempts) == (MessageState.PENDING, "sample.moved", 0)


@pytest.mark.django_db
def test_event_without_a_channel__is_for_handlers_only(handlers: Registry) -> None:
    handles(Noted)(lambda message: None)

    publish(Noted(thing=uuid4()))

    assert OutboxMessage.objects.count() == 1
    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db
def test_bare_payload__goes_to_the_channel_as_it_is(handlers: Registry) -> None:
    publish("events:cashback", {"type": "cashback.corrected", "id": uuid4(), "at": timezone.now()})

    fact = OutboxEvent.objects.get()
    assert json.loads(fact.payload)["type"] == "cashback.corrected"
    assert fact.audience == ["perm:cashback.view_cashbackevent"]
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_unknown_channel_or_key__is_refused() -> None:
    class Lost(Moved):
        name = "sample.lost"
        channel = "events:nowhere"

    class Open(Moved):
        name = "sample.open"

        def audience(self) -> tuple[str, ...]:
            return ("everyone",)

    for event in (Lost(thing=uuid4(), step=1), Open(thing=uuid4(), step=1)):
        with pytest.raises(ValueError, match="events:"):
            publish(event)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 50])
def test_many_events__cost_two_statements(handlers: Registry, count: int) -> None:
    for topic in ("a", "b", "c"):
        handles(Moved, topic=topic)(handler_named(topic))

    with CaptureQueriesContext(connection) as queries:
        publish_many([moved() for _ in range(count)])

    assert len(queries) == 2
    assert OutboxEvent.objects.count() == count
    assert OutboxMessage.objects.count() == 3 * count


def handler_named(name: str):
    def handler(message: OutboxMessage) -> None: ...

    handler.__qualname__ = name
    return handler


@pytest.mark.django_db(transaction=True)
def test_transaction__rings_once_when_it_commits(monkeypatch: pytest.MonkeyPatch, handlers: Registry) -> None:
    rung: list[int] = []
    monkeypatch.setattr("events.wake.bell.ring", lambda: rung.append(1))

    with transaction.atomic():
        publish(moved())
        with transaction.atomic():
            publish_many([moved(), moved()])
        assert not rung

    assert rung == [1]


@pytest.mark.django_db(transaction=True)
def test_savepoint_rolled_back__still_rings_for_the_rest(monkeypatch: pytest.MonkeyPatch, handlers: Registry) -> None:
    rung: list[int] = []
    monkeypatch.setattr("events.wake.bell.ring", lambda: rung.append(1))

    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            publish_and_fail()
        publish(moved())

    assert rung == [1]
    assert OutboxEvent.objects.count() == 1


@pytest.mark.django_db
def test_task_for_later__waits_until_then(handlers: Registry) -> None:
    @task(topic="sample")
    def later(message: OutboxMessage) -> None: ...

    due = timezone.now() + timedelta(hours=1)

    enqueue(later, {"order": uuid4()}, due_at=due)

    message = OutboxMessage.objects.get()
    assert (message.due_at, message.scheduled_at, message.event) == (due, due, "")
    assert message.handler.endswith("later")


@pytest.mark.django_db
def test_function_that_is_no_task__is_refused(handlers: Registry) -> None:
    with pytest.raises(LookupError, match="no handler"):
        enqueue(lambda message: None, {})


def test_second_event_of_a_name__is_refused() -> None:
    with pytest.raises(TypeError, match=r"sample\.moved"):

        class Impostor(Event):
            name = "sample.moved"


def test_second_handler_of_a_name__is_refused(handlers: Registry) -> None:
    handler = handler_named("same")
    handles(Noted)(handler)

    with pytest.raises(ValueError, match="registered already"):
        handles(Moved)(handler)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        ((uuid4.__name__, 1, None, True, 1.5), ["uuid4", 1, None, True, 1.5]),
        ({"state": MessageState.DEAD}, {"state": "dead"}),
    ],
)
def test_values__become_json(value: object, text: object) -> None:
    assert as_json(value) == text
