"""Webhooks in, over the endpoints that providers post to."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client
from prometheus_client import REGISTRY
from pytest_django import Settings
from stripe import WebhookSignature

from events.models import OutboxMessage
from payments.metrics import WEBHOOK_FAILURES
from payments.models import Payment, PaymentState, WebhookReceipt
from payments.signatures import sign
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]
SANDBOX, STRIPE = "/hooks/payments/sandbox", "/stripe/webhook"


@pytest.fixture(autouse=True)
def _secrets(settings: Settings) -> None:
    settings.SANDBOX_WEBHOOK_SECRETS = ["new", "old"]
    settings.STRIPE_WEBHOOK_SECRETS = []


def charge_event(payment: Payment | None = None, *, event_id: str = "evt_1", state: str = "captured") -> bytes:
    data = {
        "id": "sbx_ch_1",
        "key": str(payment.public_id if payment else uuid4()),
        "state": state,
        "currency": "GBP",
        "captured_minor": 2000 if state == "captured" else 0,
        "failure_code": "",
    }
    return orjson.dumps({"id": event_id, "type": f"charge.{state}", "created": 1, "data": data})


def post(body: bytes, *, path: str = SANDBOX, secret: str = "new", at: float | None = None, **headers: str) -> Any:
    name = "Stripe-Signature" if path == STRIPE else "Sandbox-Signature"
    signed = {name: sign(body, secret=secret, at=int(at or time.time())), **headers}
    return Client(enforce_csrf_checks=True).post(path, body, content_type="application/json", headers=signed)


def failures(reason: str, *, provider: str = "sandbox") -> float:
    labels = {"provider": provider, "reason": reason}
    return REGISTRY.get_sample_value("payment_webhook_failures_total", labels) or 0


def stripe_failures(reason: str) -> float:
    return REGISTRY.get_sample_value("stripe_webhook_failures_total", {"reason": reason}) or 0


def is_refused(answer: Any, reason: str) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert (answer.json()["code"], answer.json()["reason"]) == ("webhook_refused", reason)
    assert not WebhookReceipt.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_signed_event__is_stored_before_it_is_acknowledged_and_applied_after(payment: Payment, drain: Drain) -> None:
    body = charge_event(payment)

    answer = post(body)

    receipt = WebhookReceipt.objects.get()
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert (receipt.provider, receipt.event_id, receipt.event_type) == ("sandbox", "evt_1", "charge.captured")
    assert (receipt.body, receipt.verified, receipt.outcome) == (body.decode(), True, "waiting")

    drain()

    payment.refresh_from_db()
    receipt.refresh_from_db()
    assert (payment.state, receipt.outcome) == (PaymentState.CAPTURED, "applied")
    assert receipt.applied_at is not None


def test_old_secret__is_still_good(payment: Payment) -> None:
    assert post(charge_event(payment), secret="old").status_code == 200


def test_same_event_twice__is_stored_and_applied_once(payment: Payment, drain: Drain) -> None:
    answers = [post(charge_event(payment)).status_code for _ in range(2)]
    drain()

    assert answers == [200, 200]
    assert WebhookReceipt.objects.get().copies == 2
    assert OutboxMessage.objects.filter(handler="payments.services.webhooks.apply_receipt").count() == 1


def test_events_in_the_wrong_order__the_older_one_is_stored_and_ignored(payment: Payment, drain: Drain) -> None:
    post(charge_event(payment, event_id="evt_2"))
    post(charge_event(payment, event_id="evt_1", state="pending"))

    drain()

    payment.refresh_from_db()
    assert payment.state == PaymentState.CAPTURED
    assert {receipt.event_id: receipt.outcome for receipt in WebhookReceipt.objects.all()} == {
        "evt_2": "applied",
        "evt_1": "ignored",
    }


def test_event_of_another_shop__is_kept_and_leads_to_nothing(drain: Drain) -> None:
    post(charge_event())

    drain()

    assert WebhookReceipt.objects.get().outcome == "foreign"


def test_event_that_is_about_something_else__is_kept_and_leads_to_nothing(drain: Drain) -> None:
    post(orjson.dumps({"id": "evt_1", "type": "weather.rain", "data": {}}))

    drain()

    assert WebhookReceipt.objects.get().outcome == "foreign"


def test_wrong_signature__is_refused_and_counted(payment: Payment) -> None:
    before = failures("wrong_signature")

    is_refused(post(charge_event(payment), secret="foreign"), "wrong_signature")

    assert failures("wrong_signature") == before + 1


@pytest.mark.parametrize("skew", [-400, 400])
def test_timestamp_far_from_now__is_refused_and_counted(payment: Payment, skew: int) -> None:
    before = failures("timestamp")

    is_refused(post(charge_event(payment), at=time.time() + skew), "timestamp")

    assert failures("timestamp") == before + 1


def test_body_that_was_changed_on_its_way__is_refused(payment: Payment) -> None:
    body = charge_event(payment)
    signature = sign(body, secret="new", at=int(time.time()))

    is_refused(post(body.replace(b"2000", b"9000"), **{"Sandbox-Signature": signature}), "wrong_signature")


def test_no_signature__is_refused(payment: Payment) -> None:
    answer = Client().post(SANDBOX, charge_event(payment), content_type="application/json")

    is_refused(answer, "no_signature")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "charge.captured"}',
        b'{"id": "", "type": "charge.captured"}',
        b'{"id": "a\\u0000b", "type": "charge.captured"}',
        orjson.dumps({"id": "x" * 121, "type": "charge.captured"}),
    ],
)
def test_signed_body_that_is_no_event__is_refused(body: bytes) -> None:
    is_refused(post(body), "malformed_body")


def test_event_with_a_nul_inside__is_stored_as_it_came() -> None:
    body = b'{"id": "evt_1", "type": "weather.rain", "data": {"text": "a\\u0000b"}}'

    assert post(body).status_code == 200
    assert WebhookReceipt.objects.get().body == body.decode()


@pytest.mark.parametrize("path", [SANDBOX, STRIPE])
def test_other_methods__are_not_allowed_and_counted(client: Client, path: str) -> None:
    provider = "stripe" if path == STRIPE else "sandbox"
    before, of_stripe = failures("method", provider=provider), stripe_failures("method")

    answer = client.get(path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/problem+json")
    assert failures("method", provider=provider) == before + 1
    assert stripe_failures("method") == of_stripe + (path == STRIPE)


def test_stripe_without_a_secret__is_refused_and_counted() -> None:
    before = stripe_failures("no_secret")

    is_refused(post(charge_event(), path=STRIPE), "no_secret")

    assert stripe_failures("no_secret") == before + 1


def test_stripe_with_a_secret__checks_the_signature(settings: Settings, drain: Drain) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec"]
    before = stripe_failures("wrong_signature")

    assert post(charge_event(), path=STRIPE, secret="foreign").status_code == 400
    assert post(charge_event(), path=STRIPE, secret="whsec").status_code == 200
    drain()

    assert stripe_failures("wrong_signature") == before + 1
    receipt = WebhookReceipt.objects.get()
    assert (receipt.provider, receipt.outcome) == ("stripe", "foreign")


@pytest.mark.parametrize("secret", ["whsec_new", "whsec_old"])
def test_stripe_while_secrets_are_exchanged__takes_both(settings: Settings, secret: str) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]

    assert post(charge_event(), path=STRIPE, secret=secret).status_code == 200


@pytest.mark.parametrize(("skew", "status"), [(-400, 400), (-290, 200), (290, 200), (400, 400)])
def test_stripe_far_from_now__is_refused_both_ways(settings: Settings, skew: int, status: int) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec"]
    before = stripe_failures("timestamp")

    assert post(charge_event(), path=STRIPE, secret="whsec", at=time.time() + skew).status_code == status

    assert stripe_failures("timestamp") == before + (status == 400)


def test_stripe_signs_by_its_own_library__is_accepted(settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec"]
    body = charge_event()
    signature = WebhookSignature.generate_signature_header(body.decode(), "whsec")

    assert post(body, path=STRIPE, **{"Stripe-Signature": signature}).status_code == 200


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[]", b'{"id": 1, "type": "x"}'], ids=["no text", "no object", "no id"])
def test_signed_stripe_body_that_is_no_event__is_refused(settings: Settings, body: bytes) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec"]

    assert post(body, path=STRIPE, secret="whsec").status_code == 400
    assert not WebhookReceipt.objects.exists()


@pytest.mark.parametrize(
    "thing",
    [
        None,
        {},
        {"object": "payment_intent", "id": "pi_1", "status": "succeeded", "currency": "gbp"},
        {"object": "payment_intent", "id": "pi_1", "status": "new_status", "metadata": {"payment": str(uuid4())}},
        {"object": "payment_intent", "id": "pi_1", "metadata": {"payment": "no id"}},
        {"object": "charge", "id": "ch_1", "metadata": {"payment": str(uuid4())}, "captured": False},
        {"object": "dispute", "id": "du_1", "status": "lost", "amount": 1, "currency": "gbp", "payment_intent": None},
        {
            "object": "refund",
            "id": "re_1",
            "status": "succeeded",
            "amount": 1,
            "currency": "gbp",
            "payment_intent": "x",
        },
        {"object": "customer", "id": "cus_1"},
    ],
    ids=["none", "empty", "no metadata", "new status", "bad id", "uncaptured", "dispute", "refund", "customer"],
)
def test_stripe_event_about_nothing_of_ours__is_kept_and_leads_to_nothing(
    settings: Settings, drain: Drain, thing: object
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec"]

    post(orjson.dumps({"id": "evt_1", "type": "any.thing", "data": {"object": thing}}), path=STRIPE, secret="whsec")
    drain()

    assert WebhookReceipt.objects.get().outcome == "foreign"


def test_every_failure__has_its_counter_from_the_start() -> None:
    for reason in WEBHOOK_FAILURES:
        assert REGISTRY.get_sample_value("stripe_webhook_failures_total", {"reason": reason}) is not None


@pytest.mark.django_db(transaction=True)
def test_copies_at_once__are_one_receipt(payment: Payment) -> None:
    body = charge_event(payment)

    answers = at_once([lambda: post(body).status_code] * 4)

    assert answers == [200] * 4
    assert WebhookReceipt.objects.get().copies == 4
    assert OutboxMessage.objects.count() == 1
