"""The worker as a process, and what it does by the clock."""

import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, close_old_connections, connection, transaction
from django.db.models import Sum
from pytest_django import Settings

from accounts.models import User
from coupon_site import redis
from events import handles, publish, sweep
from events.leadership import Leadership
from events.models import DeliveryState, MessageState, OutboxMessage, WebhookDelivery
from events.registry import Registry
from events.services.webhooks import create_endpoint
from events.sweeper import Sweeper
from events.tests.clients import tell
from events.tests.processes import running, wait_for
from events.tests.receiver import Receiver, Reply
from events.tests.samples import Moved, Noted
from events.wake import CHANNEL, Bell, Doorman
from events.worker import Worker
from tests.live import free_ports

pytestmark = pytest.mark.django_db(transaction=True)

MakeMessage = Callable[..., OutboxMessage]


def note(count: int = 1) -> None:
    with transaction.atomic():
        for _ in range(count):
            publish(Noted(thing=uuid4()))


def delivered() -> int:
    return OutboxMessage.objects.filter(state=MessageState.DELIVERED).count()


# --- The loop --------------------------------------------------------------------------------------------------------
def test_worker__works_off_what_is_due_and_ends_when_asked_to(handlers: Registry) -> None:
    seen: list[str] = []
    handles(Noted)(lambda message: seen.append(str(message.pk)))
    note(250)

    assert Worker().run(once=True) == 250

    assert len(set(seen)) == 250


def test_handlers_that_take_long__are_claimed_by_the_few(handlers: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.services.execution.TOGETHER_SECONDS", 0.0)
    handles(Noted)(common_handler)
    note(20)

    assert Worker().run(once=True) == 20

    claims = OutboxMessage.objects.aggregate(claims=Sum("fence"))["claims"]
    assert claims < 3 * 20  # all of what is left each time: 210


def test_dedicated_topics__are_left_to_workers_that_name_them(handlers: Registry, settings: Settings) -> None:
    settings.OUTBOX_DEDICATED_TOPICS = ["imports"]
    seen: list[str] = []
    handles(Noted, topic="imports")(lambda message: seen.append("imports"))
    handles(Noted)(common_handler)
    note()

    assert Worker().run(once=True) == 1
    assert seen == []
    assert Worker(["imports"]).run(once=True) == 1
    assert seen == ["imports"]


def common_handler(message: OutboxMessage) -> None: ...


def test_busy_topic__does_not_starve_another(handlers: Registry, make_message: MakeMessage) -> None:
    order: list[str] = []
    handles(Noted, topic="busy")(lambda message: order.append("busy"))
    handles(Noted, topic="quiet")(quiet_handler_of(order))
    busy, quiet = sorted(handlers.handlers.values(), key=lambda handler: handler.topic)
    for _ in range(300):
        make_message(topic="busy", handler=busy.name)
    make_message(topic="quiet", handler=quiet.name)

    Worker().run(once=True)

    assert order.index("quiet") <= 200


def quiet_handler_of(order: list[str]) -> Callable[[OutboxMessage], None]:
    def quiet_handler(message: OutboxMessage) -> None:
        order.append("quiet")

    return quiet_handler


def test_database_away__makes_it_wait_and_go_on(handlers: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.worker.FIRST_PAUSE_SECONDS", 0.001)
    seen: list[int] = []
    handles(Noted)(lambda message: seen.append(1))
    note()
    worker = Worker()
    worker.pause_seconds = 0.001
    tries: list[int] = []
    claim = worker.claim

    def claim_or_fail(*, outside: bool) -> list[OutboxMessage]:
        tries.append(1)
        if len(tries) <= 3:
            raise OperationalError("the server closed the connection unexpectedly")
        return claim(outside=outside)

    monkeypatch.setattr(worker, "claim", claim_or_fail)

    assert worker.run(once=True) == 1
    assert seen == [1]


def test_connection_cut_in_the_middle__leaves_no_half_and_the_message_comes_again(
    handlers: Registry, settings: Settings
) -> None:
    settings.OUTBOX_LEASE_SECONDS = 0
    tries: list[int] = []

    @handles(Noted)
    def cut(message: OutboxMessage) -> None:
        tries.append(1)
        User.objects.create(email=f"try{len(tries)}@effects.example")
        if len(tries) <= 2:
            connection.connection.close()
            User.objects.count()

    note()

    Worker().run(once=True)
    wait_for(lambda: bool(Worker().run(once=True)) or delivered() == 1)

    assert delivered() == 1
    assert User.objects.filter(email__endswith="@effects.example").count() == 1


def test_topic_that_nobody_handles__is_refused() -> None:
    with pytest.raises(CommandError, match="nonsense"):
        call_command("run_worker", topics=["nonsense"], once=True)


# --- The bell --------------------------------------------------------------------------------------------------------
def test_commit__wakes_whoever_waits() -> None:
    doorman = Doorman()
    doorman.wait(0.01)  # subscribes
    doorman.wait(0.05)
    threading.Timer(0.1, lambda: (note_raw(), close_old_connections(), connection.close())).start()

    started = time.monotonic()
    doorman.wait(60)

    assert 0 < time.monotonic() - started < 30
    doorman.close()


def note_raw() -> None:
    with transaction.atomic():
        publish("events:orders", {})


def test_redis_away__only_means_polling(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    bell, doorman = Bell(), Doorman()

    started = time.monotonic()
    bell.ring()
    bell.ring()
    doorman.wait(0.1)

    assert 0.1 <= time.monotonic() - started < 10
    assert bell.silent_until > started


def test_bell__rings_on_the_channel_of_redis() -> None:
    with redis.client().pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(CHANNEL)
        pubsub.get_message(timeout=10)

        Bell().ring()

        assert pubsub.get_message(timeout=10) is not None


# --- Leadership and sweeps -------------------------------------------------------------------------------------------
def test_role__is_held_by_one_until_it_resigns_or_loses_its_session() -> None:
    first, second, another = Leadership("sample"), Leadership("sample"), Leadership("another")

    assert first.hold()
    assert not second.hold()
    assert first.hold()
    assert another.hold()
    another.resign()

    first.resign()
    wait_for(second.hold)  # PostgreSQL ends the session a moment after it is closed
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [second.session.info.backend_pid])  # type: ignore[union-attr]
    assert not second.hold()
    wait_for(first.hold)
    first.resign()


def test_sweeps__run_at_once_and_then_by_their_clock_in_the_leader_alone(handlers: Registry) -> None:
    runs: list[str] = []

    @sweep(every=timedelta(seconds=0.6))
    def often() -> int:
        runs.append("often")
        return 1

    @sweep(every=timedelta(hours=1))
    def seldom() -> int:
        runs.append("seldom")
        raise ValueError("a sweep that fails stops nobody")

    leader, standby = Sweeper(handlers.sweeps), Sweeper(handlers.sweeps)
    leader.start()
    wait_for(lambda: bool(runs))
    standby.start()
    wait_for(lambda: runs.count("often") >= 3)
    for sweeper in (leader, standby):
        sweeper.stop()
        sweeper.join()

    assert runs.count("seldom") == 1
    assert runs.count("often") <= 4


def test_standby__takes_over_when_the_leader_is_gone(handlers: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.sweeper.STANDBY_SECONDS", 0.1)
    runs: list[int] = []
    sweep(every=timedelta(hours=1))(lambda: runs.append(1) or 1)
    leader, standby = Sweeper(handlers.sweeps), Sweeper(handlers.sweeps)
    leader.start()
    wait_for(lambda: len(runs) == 1)
    standby.start()

    leader.stop()

    wait_for(lambda: len(runs) == 2)
    standby.stop()
    for sweeper in (leader, standby):
        sweeper.join()


# --- The process -----------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_sigterm__ends_the_process_after_the_message_at_hand_and_gives_back_the_rest(make_message: MakeMessage) -> None:
    for _ in range(100):
        make_message(topic="sample", handler="events.tests.process_handlers.take_a_while", outside=True)

    with running("run_worker", "--topics", "sample") as process:
        wait_for(lambda: delivered() > 0)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert f"Done: {delivered()} messages worked off." in output
    untouched = OutboxMessage.objects.filter(topic="sample", attempts=0, expired_leases=0)
    waiting = untouched.filter(state=MessageState.PENDING).count()
    assert delivered() + waiting == 100
    assert waiting > 50


@pytest.mark.slow
def test_worker_killed_while_a_webhook_is_answered__leaves_it_to_another_under_the_same_id(
    receiver: Receiver,
) -> None:
    create_endpoint(url=receiver.url, topics=["sample.moved"])
    receiver.replies = [Reply(wait=60), Reply()]
    tell(Moved(thing=uuid4(), step=1))
    environment = {"WEBHOOK_PRIVATE_ADDRESSES": "1", "OUTBOX_LEASE_SECONDS": "2"}

    with running("run_worker", "--topics", "webhooks", **environment) as process:
        wait_for(lambda: len(receiver.calls) == 1)
        process.kill()
        process.wait()
    with running("run_worker", "--topics", "webhooks", **environment):
        wait_for(lambda: WebhookDelivery.objects.filter(state=DeliveryState.DELIVERED).count() == 1)

    first, second = receiver.calls
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


@pytest.mark.slow
def test_port__answers_metrics_and_health(make_message: MakeMessage) -> None:
    make_message(topic="sample", handler="events.tests.process_handlers.take_a_while")

    [port] = free_ports(1)

    with running("run_worker", "--topics", "sample", "--port", str(port)):
        wait_for(lambda: delivered() == 1)
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        health = httpx.get(f"http://127.0.0.1:{port}/livez", timeout=30)

    assert 'outbox_processed_total{topic="sample"} 1.0' in text
    assert 'outbox_failed_total{reason="dead",topic="sample"} 0.0' in text
    assert health.status_code == 200


@pytest.mark.slow
def test_relay_process__ends_on_sigterm() -> None:
    with running("run_relay") as process:
        assert process.stdout is not None
        assert "Relaying events:orders" in process.stdout.readline()
        note_raw()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert "events published." in output
