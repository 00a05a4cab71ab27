"""How messages end: delivered, tried again, put off, given up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings

from accounts.models import User
from coupon_site.tracing import request_id
from events import enqueue, handles, publish, task
from events.errors import Defer
from events.models import MessageState, OutboxMessage
from events.registry import Registry
from events.services import claim, drain, execution, leases, release, retake, work_off
from events.tests.samples import Moved, Noted


def note(count: int = 1) -> None:
    """Events for handlers only."""
    with transaction.atomic():
        for _ in range(count):
            publish(Noted(thing=uuid4()))


def overdue() -> list[OutboxMessage]:
    """Claim everything, whenever it is due."""
    return claim(topics=["events"], at=timezone.now() + timedelta(days=1), limit=1000)


def turn() -> int:
    """Work off what is due now, and not what a failure makes due again soon."""
    return work_off(messages=claim(topics=["events"], at=timezone.now()))


@pytest.fixture
def written(handlers: Registry) -> Callable[[str], None]:
    """A handler's effect in the database."""

    def write(name: str) -> None:
        User.objects.create(email=f"{name}@effects.example")

    return write


def effects() -> list[str]:
    found = User.objects.filter(email__endswith="@effects.example").order_by("email").values_list("email", flat=True)
    return [email.partition("@")[0] for email in found]


@pytest.mark.django_db
def test_every_handler__gets_its_own_message_with_the_request_id(handlers: Registry) -> None:
    seen: list[tuple[str, Any, str]] = []

    @handles(Moved)
    def first(message: OutboxMessage) -> None:
        seen.append(("first", message.payload["step"], request_id.get()))

    @handles(Moved, transactional=False)
    def second(message: OutboxMessage) -> None:
        seen.append(("second", message.payload["step"], request_id.get()))

    token = request_id.set("request-9")
    publish(Moved(thing=uuid4(), step=4))
    request_id.reset(token)
    before = request_id.get()

    assert drain() == 2

    assert sorted(seen) == [("first", 4, "request-9"), ("second", 4, "request-9")]
    assert set(OutboxMessage.objects.values_list("state", "attempts")) == {(MessageState.DELIVERED, 0)}
    assert request_id.get() == before
    assert drain() == 0


@pytest.mark.django_db
def test_task__is_called_with_its_payload(handlers: Registry) -> None:
    seen: list[Any] = []

    @task()
    def later(message: OutboxMessage) -> None:
        seen.append(message.payload)

    enqueue(later, {"order": "o1"})
    enqueue(later, {"order": "o2"}, due_at=timezone.now() + timedelta(hours=1))

    assert drain() == 1
    assert seen == [{"order": "o1"}]


@pytest.mark.django_db
def test_handler_that_publishes__is_drained_to_the_end(handlers: Registry) -> None:
    seen: list[int] = []

    @handles(Moved)
    def again(message: OutboxMessage) -> None:
        seen.append(message.payload["step"])
        if message.payload["step"]:
            publish(Moved(thing=uuid4(), step=message.payload["step"] - 1))

    publish(Moved(thing=uuid4(), step=3))

    assert drain() == 4
    assert seen == [3, 2, 1, 0]


@pytest.mark.django_db
def test_batch_that_succeeds__is_one_transaction_and_one_finishing_write(
    handlers: Registry, written: Callable[[str], None]
) -> None:
    handles(Noted)(lambda message: None)
    note(50)
    messages = claim(topics=["events"], at=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        work_off(messages=messages)

    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1


@pytest.mark.django_db(transaction=True)
def test_one_that_fails__holds_up_nobody_and_leaves_no_half_of_itself(
    handlers: Registry, written: Callable[[str], None]
) -> None:
    calls: list[str] = []

    @handles(Moved)
    def handler(message: OutboxMessage) -> None:
        calls.append(message.payload["thing"])
        written(f"step{message.payload['step']}")
        if message.payload["step"] == 2:
            raise ValueError("step 2 is bad")

    with transaction.atomic():
        for step in range(5):
            publish(Moved(thing=uuid4(), step=step))

    assert turn() == 5

    assert effects() == ["step0", "step1", "step3", "step4"]
    states = {message.payload["step"]: message for message in OutboxMessage.objects.all()}
    assert [states[step].state for step in range(5)] == [
        "delivered",
        "delivered",
        "pending",
        "delivered",
        "delivered",
    ]
    assert (states[2].attempts, states[2].last_error) == (1, "ValueError: step 2 is bad")
    assert len(calls) == 3 + 5  # together up to the bad one, then each alone


@pytest.mark.django_db(transaction=True)
def test_worker_that_lost_its_lease__leaves_no_effect(handlers: Registry, written: Callable[[str], None]) -> None:
    @handles(Noted)
    def slow(message: OutboxMessage) -> None:
        written("slow")
        OutboxMessage.objects.filter(pk=message.pk).update(fence=message.fence + 1)  # another has claimed it meanwhile

    note()

    turn()

    assert effects() == []
    assert OutboxMessage.objects.get().state == MessageState.LEASED


@pytest.mark.django_db
def test_tries__are_spread_out_until_the_message_is_dead(handlers: Registry) -> None:
    @handles(Noted)
    def broken(message: OutboxMessage) -> None:
        raise ValueError("never\x00 works")

    note()
    for planned in (1, 5, 30, 120, 600):
        before = timezone.now()
        work_off(messages=overdue())
        message = OutboxMessage.objects.get()
        assert message.state == MessageState.PENDING
        assert (message.due_at - before).total_seconds() > 0.7 * planned
        assert (message.due_at - timezone.now()).total_seconds() < 1.3 * planned

    work_off(messages=overdue())

    message.refresh_from_db()
    assert (message.state, message.attempts, message.last_error) == (MessageState.DEAD, 6, "ValueError: never works")
    assert message.finished_at is not None
    assert overdue() == []


@pytest.mark.django_db
def test_deferred_message__costs_no_attempt(handlers: Registry) -> None:
    @handles(Noted)
    def not_yet(message: OutboxMessage) -> None:
        raise Defer(90, "the bank sleeps")

    note()

    assert drain() == 1

    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts, message.last_error) == (MessageState.PENDING, 0, "the bank sleeps")
    assert 80 < (message.due_at - timezone.now()).total_seconds() < 100


@pytest.mark.django_db
@pytest.mark.parametrize("error", [redis.ConnectionError("gone"), redis.TimeoutError("slow")])
def test_server_that_is_away__costs_no_attempt(handlers: Registry, error: Exception) -> None:
    @handles(Noted)
    def interrupted(message: OutboxMessage) -> None:
        raise error

    note()
    before = timezone.now()

    turn()

    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts) == (MessageState.PENDING, 0)
    assert before < message.due_at < timezone.now() + timedelta(seconds=6)


@pytest.mark.django_db(transaction=True)
def test_conflict_of_transactions__costs_no_attempt_but_a_bad_statement_does(handlers: Registry) -> None:
    @handles(Noted)
    def conflicting(message: OutboxMessage) -> None:
        raise_state("40P01" if message.payload["thing"] == lucky else "57014")

    lucky = str(uuid4())
    with transaction.atomic():
        publish(Noted(thing=lucky))  # type: ignore[arg-type]
        publish(Noted(thing=uuid4()))

    turn()

    attempts = {message.payload["thing"] == lucky: message.attempts for message in OutboxMessage.objects.all()}
    assert attempts == {True: 0, False: 1}


def raise_state(code: str) -> None:
    """What Django raises for a SQLSTATE of PostgreSQL."""
    with connection.cursor() as cursor, pytest.raises(OperationalError) as caught:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")
    raise caught.value


@pytest.mark.django_db
def test_unknown_handler__is_a_failed_try(handlers: Registry) -> None:
    handles(Noted)(lambda message: None)
    OutboxMessage.objects.create(topic="events", handler="events.gone")

    turn()

    message = OutboxMessage.objects.get()
    assert (message.attempts, message.state) == (1, MessageState.PENDING)
    assert message.last_error == "UnknownHandler: no handler is named events.gone"


# --- Killers ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_message_whose_lease_keeps_running_out__is_buried_without_being_called(handlers: Registry) -> None:
    called: list[int] = []
    handles(Noted)(lambda message: called.append(1))
    note()
    for day in range(6):  # each worker dies with it
        claimed = claim(topics=["events"], at=timezone.now() + timedelta(days=day))

    work_off(messages=claimed)

    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts, called) == (MessageState.DEAD, 0, [])
    assert "the lease ran out 5 times" in message.last_error


@pytest.mark.django_db
def test_suspects__run_one_at_a_time_so_that_no_innocent_dies_with_a_killer(handlers: Registry) -> None:
    leased: dict[str, list[str]] = {}

    @handles(Noted)
    def looks_around(message: OutboxMessage) -> None:
        held = OutboxMessage.objects.filter(state=MessageState.LEASED)
        leased[str(message.pk)] = [str(each.pk) for each in held]

    note(3)
    claim(topics=["events"], at=timezone.now())  # the worker was killed

    assert work_off(messages=overdue()) == 3

    assert len(leased) == 3
    assert leased == {each: [each] for each in leased}
    assert OutboxMessage.objects.filter(state=MessageState.DELIVERED, expired_leases=1).count() == 3


@pytest.mark.django_db
def test_suspects_among_fresh_ones__are_not_leased_while_these_run(handlers: Registry) -> None:
    leased: list[int] = []
    handles(Noted)(lambda message: leased.append(OutboxMessage.objects.filter(state=MessageState.LEASED).count()))
    note(2)
    claim(topics=["events"], at=timezone.now())
    note(2)

    assert work_off(messages=overdue()) == 4

    assert leased == [2, 2, 1, 1]


@pytest.mark.django_db
def test_suspect_that_another_worker_has_taken_meanwhile__is_left_to_it(handlers: Registry) -> None:
    called: list[int] = []
    handles(Noted)(lambda message: called.append(1))
    note()
    claim(topics=["events"], at=timezone.now())
    (suspect,) = overdue()
    release(messages=[suspect], at=timezone.now())
    (taken,) = claim(topics=["events"], at=timezone.now())

    assert not retake(message=suspect, at=timezone.now())

    taken.refresh_from_db()
    assert (taken.state, taken.fence, called) == (MessageState.LEASED, 3, [])


@pytest.mark.django_db
def test_suspect_of_a_limited_topic__waits_for_room(handlers: Registry, settings: Settings) -> None:
    handles(Noted)(lambda message: None)
    note(2)
    claim(topics=["events"], at=timezone.now())
    suspect, other = overdue()
    release(messages=[suspect], at=timezone.now())
    settings.OUTBOX_TOPIC_LIMITS = {"events": 1}

    assert not retake(message=suspect, at=timezone.now())

    release(messages=[other], at=timezone.now())
    assert retake(message=suspect, at=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("ends", ["time is up", "has to stop"])
def test_suspects_that_take_long__are_left_for_the_next_turn(
    handlers: Registry, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr(execution, "ALONE_SECONDS", 0.0 if ends == "time is up" else 60.0)
    handles(Noted)(lambda message: None)
    note(3)
    claim(topics=["events"], at=timezone.now())

    assert work_off(messages=overdue(), keep_going=lambda: ends == "time is up") == 1

    assert OutboxMessage.objects.filter(state=MessageState.PENDING, attempts=0, expired_leases=1).count() == 2


# --- One by one ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_handler_of_the_outside_world__runs_in_autocommit_mode(handlers: Registry) -> None:
    blocks: list[bool] = []
    handles(Noted, transactional=False)(lambda message: blocks.append(connection.in_atomic_block))
    note()

    drain()

    assert blocks == [False]


@pytest.mark.django_db
def test_slow_handlers__give_back_the_rest_for_other_workers(
    handlers: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "ALONE_SECONDS", 0.0)
    called: list[int] = []
    handles(Noted, transactional=False)(lambda message: called.append(1))
    note(5)

    turn()

    assert len(called) == 1
    assert OutboxMessage.objects.filter(state=MessageState.PENDING, attempts=0).count() == 4


@pytest.mark.django_db
def test_transaction_that_grows_long__is_ended_and_the_rest_given_back(
    handlers: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "TOGETHER_SECONDS", 0.0)
    handles(Noted)(lambda message: None)
    note(5)

    assert turn() == 1

    states = OutboxMessage.objects.order_by("state").values_list("state", "attempts", "expired_leases")
    assert list(states) == [("delivered", 0, 0)] + [("pending", 0, 0)] * 4
    assert drain() == 4


@pytest.mark.django_db
def test_worker_that_has_to_stop__gives_back_what_it_has_not_begun(handlers: Registry) -> None:
    handles(Noted, transactional=False)(lambda message: None)
    note(5)

    work_off(messages=claim(topics=["events"], at=timezone.now()), keep_going=lambda: False)

    assert OutboxMessage.objects.filter(state=MessageState.PENDING).count() == 4


# --- Figures ---------------------------------------------------------------------------------------------------------
def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.django_db
def test_ends_of_messages__are_counted(handlers: Registry) -> None:
    @handles(Noted)
    def handler(message: OutboxMessage) -> None:
        if message.payload["thing"] == bad:
            raise ValueError

    bad = str(uuid4())
    before = (
        figure("outbox_processed_total", topic="events"),
        figure("outbox_failed_total", topic="events", reason="error"),
    )
    retries = figure("outbox_retry_count_count")

    note(2)
    publish(Noted(thing=bad))  # type: ignore[arg-type]
    turn()

    after = (
        figure("outbox_processed_total", topic="events"),
        figure("outbox_failed_total", topic="events", reason="error"),
    )
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1)
    assert figure("outbox_retry_count_count") - retries == 2
    assert leases.BATCH >= 100
