"""From a fact to a shop front that has heard of it, or never will."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import transaction
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import Settings
from standardwebhooks import WebhookVerificationError

from coupon_site.models import StateChange
from events import publish
from events.crew import Crew
from events.models import DeliveryState, EndpointState, EventStatus, OutboxEvent, WebhookDelivery, WebhookEndpoint
from events.queries import INVARIANTS, deliveries_by_state, endpoints_with_health, failing_endpoints
from events.relay import ledger
from events.services import remove_old_rows
from events.services.webhooks import (
    change_endpoint,
    claim_deliveries,
    create_endpoint,
    deliver,
    deliver_due,
    deliveries,
    disable_endpoint,
    enable_endpoint,
    replay_delivery,
    rotate_secret,
    send_test,
)
from events.tests.clients import announce, relay_all, relay_here, tell
from events.tests.processes import wait_for
from events.tests.receiver import Receiver, Reply, receiving
from events.tests.samples import Moved, Noted, Switched

pytestmark = pytest.mark.django_db

STEPS = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


def due_at(seconds: float = 0.0) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def only() -> WebhookDelivery:
    return WebhookDelivery.objects.select_related("endpoint").get()


# --- Which facts become deliveries -----------------------------------------------------------------------------------
def test_fact__is_delivered_as_the_standard_says(receiver: Receiver) -> None:
    _, secret = create_endpoint(url=receiver.url, topics=["sample.moved"])
    thing = uuid4()
    tell(Moved(thing=thing, step=3, secret="hush"))

    assert deliver_due(at=due_at()) == 1

    [call] = receiver.calls
    fact = OutboxEvent.objects.get()
    assert call.verified(secret) == {
        "type": "sample.moved",
        "timestamp": orjson.loads(fact.payload)["at"],
        "data": {"thing": str(thing), "step": 3, "owner": None},
    }
    assert call.headers["webhook-id"] == str(fact.event_id)
    assert call.headers["content-type"] == "application/json"
    assert call.path == "/hooks"
    assert (only().state, only().last_status, only().attempts) == (DeliveryState.DELIVERED, 200, 1)
    assert (only().response_excerpt, only().finished_at is not None) == ("thanks", True)
    assert only().public_id.version == 7
    assert abs((only().public_id.int >> 80) / 1000 - only().created_at.timestamp()) < 1


@pytest.mark.parametrize(
    ("topics", "heard"),
    [
        (["sample.moved"], ["sample.moved"]),
        (["sample.*"], ["sample.moved", "sample.switched"]),
        (["*", "sample.*", "sample.moved"], ["sample.moved", "sample.switched"]),
        (["flag.*"], []),
    ],
    ids=["name", "family", "all, once", "other family"],
)
def test_topics__choose_among_public_facts(receiver: Receiver, topics: list[str], heard: list[str]) -> None:
    create_endpoint(url=receiver.url, topics=topics)

    publish("events:orders", {"type": "sample.moved"})  # a bare payload is no event
    tell(Moved(thing=uuid4(), step=1), Noted(thing=uuid4()), Switched(flag="shop.open"))

    assert sorted(WebhookDelivery.objects.values_list("event_type", flat=True)) == heard


def test_each_endpoint__has_a_delivery_of_its_own_under_one_id(receiver: Receiver) -> None:
    for _ in range(2):
        create_endpoint(url=receiver.url, topics=["*"])
    tell(Moved(thing=uuid4(), step=1))

    assert deliver_due(at=due_at()) == 2
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1


def test_disabled_endpoint__gets_nothing_new_and_what_waits_waits(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    tell(Moved(thing=uuid4(), step=1))
    disable_endpoint(endpoint=endpoint, reason="holidays")
    tell(Moved(thing=uuid4(), step=2))

    assert deliver_due(at=due_at()) == 0
    assert INVARIANTS["overdue_webhook_deliveries"]() == 0

    enable_endpoint(endpoint=endpoint)

    assert deliver_due(at=due_at()) == 1
    assert orjson.loads(receiver.calls[0].body)["data"]["step"] == 1
    assert list(StateChange.objects.values_list("to_state", "reason").order_by("id")) == [
        ("disabled", "holidays"),
        ("enabled", ""),
    ]


@pytest.mark.django_db(transaction=True)
def test_transaction_that_is_rolled_back__is_heard_of_by_nobody(endpoint: WebhookEndpoint) -> None:
    with transaction.atomic():
        publish(Moved(thing=uuid4(), step=1))
        transaction.set_rollback(True)
    relay_all()

    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_relay__writes_deliveries_with_the_numbers_or_neither(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce()
    with monkeypatch.context() as broken:
        broken.setattr(ledger, "add_deliveries", raises)
        with pytest.raises(RuntimeError, match="killed"):
            relay_here()
    assert OutboxEvent.objects.get().seq is None

    assert relay_all() == 1

    assert (OutboxEvent.objects.get().seq, WebhookDelivery.objects.count()) == (1, 1)


def raises(*arguments: object) -> None:
    raise RuntimeError("killed")


def test_event_that_is_queued_again__is_told_once(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    tell(Moved(thing=uuid4(), step=1))
    create_endpoint(url=receiver.url, topics=["*"])
    OutboxEvent.objects.update(status=EventStatus.QUEUED, seq=None)

    relay_here()

    assert WebhookDelivery.objects.values("endpoint").distinct().count() == WebhookDelivery.objects.count() == 2


# --- How deliveries end ----------------------------------------------------------------------------------------------
def test_failures__are_retried_on_the_schedule_until_it_is_given_up(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.replies = [Reply(500, body=b"broken")]
    tell(Moved(thing=uuid4(), step=1))
    at = due_at()

    for step in STEPS:
        assert deliver_due(at=at) == 1
        delivery = only()
        wait = (delivery.next_at - at).total_seconds()
        assert (delivery.state, delivery.last_error) == (DeliveryState.PENDING, "answered 500")
        assert 0.9 * step <= wait <= 1.1 * step
        assert deliver_due(at=delivery.next_at - timedelta(seconds=1)) == 0
        at = delivery.next_at
    assert deliver_due(at=at) == 1

    delivery = only()
    assert (delivery.state, delivery.attempts, delivery.finished_at) == (DeliveryState.FAILED, 10, at)
    assert [entry["status"] for entry in delivery.log] == [500] * 10
    assert delivery.log[0]["response"] == "broken"
    assert deliver_due(at=at + timedelta(days=30)) == 0
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert StateChange.objects.get(object_id=delivery.public_id).to_state == "failed"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(302, {"Location": "http://127.0.0.1:1/elsewhere"}), "answered 302"),
        (Reply(404), "answered 404"),
        (Reply(wait=2.0), "no answer within 0.4 s"),
        (Reply(body=b"x" * 1000, trickle=0.1), "no answer within 0.4 s"),
    ],
    ids=["redirect", "refusal", "silence", "trickle"],
)
def test_anything_but_success__is_a_failure(
    receiver: Receiver, endpoint: WebhookEndpoint, settings: Settings, answer: Reply, error: str
) -> None:
    settings.WEBHOOK_TIMEOUT_SECONDS = 0.4
    receiver.replies = [answer]
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=due_at())

    assert (only().state, only().last_error, only().attempts) == (DeliveryState.PENDING, error, 1)
    assert len(receiver.calls) == 1
    assert only().duration_ms < 1500


def test_nobody_there__is_a_failure(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    change_endpoint(endpoint=endpoint, url="http://127.0.0.1:1/")
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=due_at())

    assert only().last_error.startswith("ConnectError:")
    assert (only().last_status, only().state) == (None, DeliveryState.PENDING)


def test_success_after_a_failure__ends_it(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    receiver.replies = [Reply(503), Reply(204, body=b"")]
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=due_at())
    endpoint.refresh_from_db()
    assert endpoint.failing_since is not None
    deliver_due(at=only().next_at)

    endpoint.refresh_from_db()
    assert (only().state, only().last_error, endpoint.failing_since) == (DeliveryState.DELIVERED, "", None)


@pytest.mark.parametrize(
    ("retry_after", "low", "high"),
    [("120", 119, 121), ("1", 4.4, 5.6), ("9999999", 86399, 86401), ("soon", 4.4, 5.6)],
    ids=["later", "sooner than planned", "beyond reason", "nonsense"],
)
def test_retry_after__is_respected_within_reason(
    receiver: Receiver, endpoint: WebhookEndpoint, retry_after: str, low: float, high: float
) -> None:
    receiver.replies = [Reply(429, {"Retry-After": retry_after})]
    tell(Moved(thing=uuid4(), step=1))
    at = due_at()

    deliver_due(at=at)

    assert low < (only().next_at - at).total_seconds() < high


def test_endpoint_that_is_gone__is_disabled(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    receiver.replies = [Reply(410)]
    for step in range(3):
        tell(Moved(thing=uuid4(), step=step))

    [delivery] = claim_deliveries(at=due_at(), limit=1)
    deliver(delivery=delivery, at=due_at())

    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.disabled_reason) == (EndpointState.DISABLED, "It answered 410: gone")
    assert deliver_due(at=due_at(86400 * 9)) == 0
    assert len(receiver.calls) == 1
    assert StateChange.objects.get(object_id=endpoint.public_id).to_state == EndpointState.DISABLED


def test_answer__is_read_only_to_a_bound(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    receiver.replies = [Reply(200, body=b"a\x00\xff" * 1_000_000)]
    tell(Moved(thing=uuid4(), step=1))

    deliver_due(at=due_at())

    assert only().state == DeliveryState.DELIVERED
    assert 1000 < len(only().response_excerpt) <= 2048


def test_secret_that_cannot_be_read__is_a_failure_that_says_so(
    receiver: Receiver, endpoint: WebhookEndpoint, settings: Settings
) -> None:
    tell(Moved(thing=uuid4(), step=1))
    settings.SECRET_KEY = "another"

    deliver_due(at=due_at())

    assert "rotate the secret" in only().last_error
    assert receiver.calls == []


# --- Claims ----------------------------------------------------------------------------------------------------------
def test_worker_killed_between_sending_and_recording__leaves_it_to_be_sent_again_under_the_same_id(
    receiver: Receiver, endpoint: WebhookEndpoint, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(Moved(thing=uuid4(), step=1))
    [delivery] = claim_deliveries(at=due_at(), limit=1)
    with monkeypatch.context() as killed:
        killed.setattr(deliveries, "record", lambda **values: None)
        deliver(delivery=delivery, at=due_at())
    assert deliver_due(at=due_at(settings.OUTBOX_LEASE_SECONDS - 5)) == 0

    assert deliver_due(at=due_at(settings.OUTBOX_LEASE_SECONDS + 5)) == 1

    first, second = receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert (only().state, only().attempts) == (DeliveryState.DELIVERED, 1)


def test_answer_of_a_lost_lease__is_not_recorded(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    receiver.replies = [Reply(500)]
    tell(Moved(thing=uuid4(), step=1))
    [late] = claim_deliveries(at=due_at(), limit=1)
    [present] = claim_deliveries(at=due_at(3600), limit=1)

    deliver(delivery=late, at=due_at())

    assert (only().state, only().attempts, only().fence) == (DeliveryState.SENDING, 0, present.fence)


def test_endpoint__is_sent_only_a_few_at_once_so_that_others_have_their_turn(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    for _ in range(5):
        tell(Moved(thing=uuid4(), step=1))
    other, _ = create_endpoint(url=receiver.url, topics=["*"])
    tell(Moved(thing=uuid4(), step=2))

    claimed = claim_deliveries(at=due_at(), limit=100)
    again = claim_deliveries(at=due_at(), limit=100)

    assert sorted(delivery.endpoint_id for delivery in claimed) == [endpoint.pk, endpoint.pk, other.pk]
    assert again == []


@pytest.mark.django_db(transaction=True)
def test_endpoint_that_does_not_answer__holds_up_no_other(settings: Settings, receiver: Receiver) -> None:
    settings.OUTBOX_OUTSIDE_THREADS, settings.WEBHOOK_TIMEOUT_SECONDS = 8, 60.0
    receiver.replies = [Reply(wait=60.0)]
    create_endpoint(url=receiver.url, topics=["sample.moved"])
    with receiving() as quick:
        create_endpoint(url=quick.url, topics=["sample.switched"])
        tell(*[Moved(thing=uuid4(), step=step) for step in range(20)])
        tell(*[Switched(flag=f"flag{number}") for number in range(20)])
        crew = Crew(["webhooks"])
        crew.start()
        try:
            wait_for(lambda: len(quick.calls) == 20, seconds=30)
        finally:
            threading.Thread(target=lambda: wait_for(lambda: crew.stopping) or receiver.answers_at_once.set()).start()
            crew.stop()

    assert len(receiver.calls) == 2


# --- What operators do -----------------------------------------------------------------------------------------------
def test_replay__sends_what_has_ended_again_under_the_same_id(
    receiver: Receiver, endpoint: WebhookEndpoint, operator: Any
) -> None:
    receiver.replies = [Reply(410), Reply(200)]
    tell(Moved(thing=uuid4(), step=1))
    deliver_due(at=due_at())
    enable_endpoint(endpoint=endpoint)

    replay_delivery(delivery=only(), actor=operator, at=due_at())

    assert deliver_due(at=due_at()) == 1
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert (only().state, only().attempts, len(only().log)) == (DeliveryState.DELIVERED, 1, 2)
    assert StateChange.objects.filter(object_id=only().public_id, actor=operator, reason="replay").count() == 1


def test_rotation__signs_with_both_secrets_for_a_day(receiver: Receiver) -> None:
    endpoint, old = create_endpoint(url=receiver.url, topics=["*"])
    new = rotate_secret(endpoint=endpoint, at=timezone.now() - timedelta(hours=23))
    send_test(endpoint=endpoint, at=timezone.now())
    deliver_due(at=due_at())
    WebhookEndpoint.objects.update(old_secret_ends_at=timezone.now() - timedelta(seconds=1))
    send_test(endpoint=endpoint, at=timezone.now())
    deliver_due(at=due_at())

    during, after = receiver.calls
    assert during.verified(new) == during.verified(old)
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert after.verified(new)["type"] == "webhook.test"
    with pytest.raises(WebhookVerificationError):
        after.verified(old)
    assert old.startswith("whsec_")
    assert new != old


def test_secrets__are_in_no_row_in_clear(receiver: Receiver) -> None:
    endpoint, old = create_endpoint(url=receiver.url, topics=["*"])
    new = rotate_secret(endpoint=endpoint, at=timezone.now())

    row = str(WebhookEndpoint.objects.values().get())

    assert old not in row
    assert new not in row
    assert old.removeprefix("whsec_") not in row


def test_secret_key_that_was_changed__still_opens_as_a_fallback(receiver: Receiver, settings: Settings) -> None:
    endpoint, secret = create_endpoint(url=receiver.url, topics=["*"])
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    send_test(endpoint=endpoint, at=timezone.now())

    deliver_due(at=due_at())

    assert receiver.calls[0].verified(secret)["data"] == {"endpoint": str(endpoint.public_id)}


# --- Figures and retention -------------------------------------------------------------------------------------------
def test_health__tells_of_the_last_day(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    receiver.replies = [Reply(200), Reply(200), Reply(500), Reply(200)]
    for step in range(3):
        tell(Moved(thing=uuid4(), step=step))
        deliver_due(at=due_at())

    health: Any = endpoints_with_health(at=timezone.now()).get()

    assert (health.delivered, health.failed, health.retrying, health.waiting) == (2, 0, 1, 1)
    assert health.last_success_at is not None
    assert health.failing_since is not None
    assert (deliveries_by_state(), failing_endpoints()) == ({"pending": 1, "sending": 0, "failed": 0}, 1)


def test_delivery_that_nobody_sends__breaks_an_invariant(endpoint: WebhookEndpoint) -> None:
    tell(Moved(thing=uuid4(), step=1))
    assert INVARIANTS["overdue_webhook_deliveries"]() == 0

    WebhookDelivery.objects.update(next_at=due_at(-3700))

    assert INVARIANTS["overdue_webhook_deliveries"]() == 1


@pytest.mark.parametrize(
    ("state", "days", "left"),
    [("delivered", 8, 0), ("delivered", 6, 1), ("failed", 8, 1), ("failed", 91, 0), ("pending", 400, 1)],
    ids=["delivered long ago", "delivered lately", "failed lately", "failed long ago", "waiting"],
)
def test_retention__removes_what_nobody_asks_for_again(
    endpoint: WebhookEndpoint, state: str, days: int, left: int
) -> None:
    finished = None if state == "pending" else due_at(-86400 * days)
    WebhookDelivery.objects.create(
        endpoint=endpoint, event_id=uuid4(), event_type="sample.moved", body="{}", state=state, finished_at=finished
    )

    remove_old_rows(at=timezone.now())

    assert WebhookDelivery.objects.count() == left


@pytest.mark.parametrize(("status", "result"), [(200, "delivered"), (500, "retried"), (410, "gone")])
def test_tries__are_counted_by_result(
    receiver: Receiver,
    endpoint: WebhookEndpoint,
    django_capture_on_commit_callbacks: Callable[..., Any],
    status: int,
    result: str,
) -> None:
    receiver.replies = [Reply(status)]
    tell(Moved(thing=uuid4(), step=1))
    before = REGISTRY.get_sample_value("webhook_deliveries_total", {"result": result}) or 0.0

    with django_capture_on_commit_callbacks(execute=True):
        deliver_due(at=due_at())

    assert REGISTRY.get_sample_value("webhook_deliveries_total", {"result": result}) == before + 1
