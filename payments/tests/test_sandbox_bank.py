"""The sandbox bank's counter, as its one customer meets it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from events.models import OutboxMessage
from payments.models import ChargeState, Payment, Refund, RefundState, SandboxCharge, SandboxRefund, WebhookReceipt
from payments.services import open_charge, request_refund
from payments.tests.conftest import Books
from payments.tests.factories import captured

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]

SOME_KEY = "0190b3c2-7d6e-7000-8000-000000000001"


@pytest.fixture
def ask(client: Client, settings: Settings) -> Callable[..., Any]:
    """A request by whoever holds the bank's key."""
    settings.SANDBOX_KEY = "the bank's key"

    def call(method: str, path: str, body: object = None, key: str = "the bank's key") -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return client.generic(
            method,
            f"/sandbox/{path}",
            b"" if body is None else dumps(body),
            content_type="application/json",
            headers=headers,
        )

    return call


def dumps(body: object) -> bytes:
    return orjson.dumps(body, default=str)


def wish(**fields: object) -> dict[str, object]:
    return {"key": uuid4(), "amount_minor": 2000, "currency": "GBP", "method": "card", **fields}


def test_new_charge__is_pending_and_settled_later(ask: Callable[..., Any]) -> None:
    asked = wish()

    answer = ask("POST", "charges", asked)

    charge = SandboxCharge.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": charge.reference,
        "key": str(asked["key"]),
        "state": "pending",
        "amount_minor": 2000,
        "captured_minor": 0,
        "refunded_minor": 0,
        "currency": "GBP",
        "method": "card",
        "failure_code": "",
    }
    assert OutboxMessage.objects.get().handler == "payments.services.sandbox_bank.settle_charge"
    assert ask("GET", f"charges/{charge.key}").json() == answer.json()


def test_same_key__is_the_same_charge(ask: Callable[..., Any]) -> None:
    asked = wish()

    first, second = (ask("POST", "charges", asked).json() for _ in range(2))

    assert first == second
    assert OutboxMessage.objects.count() == 1


def test_slow_card__is_settled_when_its_time_comes(ask: Callable[..., Any], settings: Settings) -> None:
    settings.SANDBOX_SLOW_SECONDS = 60
    before = timezone.now()

    ask("POST", "charges", wish(method="card_slow"))

    minute = timedelta(seconds=60)
    assert before + minute <= OutboxMessage.objects.get().due_at <= timezone.now() + minute


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "x"},
        {"amount_minor": 0},
        {"amount_minor": "x"},
        {"amount_minor": 2**63},
        {"currency": "pounds"},
        {"method": "gold"},
        {"method": None},
        {"colour": "red"},
    ],
)
def test_charge_that_makes_no_sense__is_refused(ask: Callable[..., Any], fields: dict[str, object]) -> None:
    answer = ask("POST", "charges", wish(**fields))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert set(answer.json()["errors"]) == set(fields)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "charges"), ("GET", f"charges/{SOME_KEY}"), ("POST", "refunds"), ("GET", f"refunds/{SOME_KEY}")],
)
def test_bank__serves_only_its_customer_and_only_where_it_is_used(
    ask: Callable[..., Any], settings: Settings, method: str, path: str
) -> None:
    assert ask(method, path, key="guessed").status_code in {401, 403}
    assert ask(method, path, {}).status_code in {400, 404}

    settings.PAYMENT_PROVIDER = "stripe"

    assert ask(method, path, {}).status_code == 404


def test_refund_of_more_than_was_charged__is_refused(ask: Callable[..., Any]) -> None:
    charge = open_charge(key=uuid4(), amount_minor=2000, currency="GBP", method="card")
    SandboxCharge.objects.update(state=ChargeState.CAPTURED)

    def refund(amount_minor: int, key: object) -> int:
        return ask("POST", "refunds", {"key": key, "charge": charge.key, "amount_minor": amount_minor}).status_code

    key = uuid4()
    assert [refund(1500, key), refund(1500, key), refund(501, uuid4()), refund(500, uuid4())] == [201, 201, 409, 201]
    assert SandboxRefund.objects.count() == 2
    assert SandboxCharge.objects.get().refunded_minor == 2000


def test_refund_of_an_unpaid_or_unknown_charge__is_refused(ask: Callable[..., Any]) -> None:
    charge = open_charge(key=uuid4(), amount_minor=2000, currency="GBP", method="card")

    def refund(key: object) -> int:
        return ask("POST", "refunds", {"key": uuid4(), "charge": key, "amount_minor": 1}).status_code

    assert [refund(charge.key), refund(uuid4())] == [409, 404]


@pytest.mark.parametrize(("since", "status"), [(0, 200), (253_402_300_799, 200), (2**40, 400), (-1, 400), ("x", 400)])
def test_list_of_claims__takes_any_moment_there_is(ask: Callable[..., Any], since: object, status: int) -> None:
    assert ask("GET", f"disputes?since={since}").status_code == status


def test_capture_and_void__each_end_an_authorisation_once(ask: Callable[..., Any]) -> None:
    charges = [open_charge(key=uuid4(), amount_minor=2000, currency="GBP", method="card") for _ in range(2)]

    def end(verb: str, charge: SandboxCharge) -> int:
        return ask("POST", f"charges/{charge.key}/{verb}").status_code

    assert [end(verb, charges[0]) for verb in ("capture", "void")] == [409, 409]
    SandboxCharge.objects.update(state=ChargeState.AUTHORIZED)
    assert [end(verb, charges[0]) for verb in ("capture", "capture", "void")] == [200, 200, 409]
    assert [end(verb, charges[1]) for verb in ("void", "void", "capture")] == [200, 200, 409]


# --- the whole way of a refund, over HTTP ---


@pytest.fixture
def paid_at_the_bank(user: User) -> Payment:
    payment = captured(user)
    SandboxCharge.objects.create(
        key=payment.public_id, amount_minor=2000, currency="GBP", method="card", state=ChargeState.CAPTURED
    )
    return payment


@pytest.mark.django_db(transaction=True)
def test_refund__is_sent_reported_and_done(bank: None, paid_at_the_bank: Payment, drain: Drain, broken: Books) -> None:
    refund = request_refund(payment=paid_at_the_bank, amount_minor=500, reason="asked", key="one")

    drain()

    refund.refresh_from_db()
    assert (refund.state, refund.provider_ref) == (RefundState.DONE, SandboxRefund.objects.get().reference)
    assert WebhookReceipt.objects.get().outcome == "applied"
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_refund_the_bank_refuses__fails_and_waits_for_people(
    bank: None, user: User, drain: Drain, broken: Books
) -> None:
    refund = request_refund(payment=captured(user), amount_minor=500, reason="asked", key="one")

    drain()

    refund.refresh_from_db()
    assert (refund.state, refund.failure_code) == (RefundState.FAILED, "refused")
    assert Payment.objects.get().refunding_minor == 500
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_bank_away__refund_waits_without_losing_an_attempt(
    paid_at_the_bank: Payment, drain: Drain, settings: Settings, live_server: LiveServer
) -> None:
    request_refund(payment=paid_at_the_bank, amount_minor=500, reason="asked", key="one")
    drain()
    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts, Refund.objects.get().state) == ("pending", 0, "in_transit")

    settings.SANDBOX_URL = live_server.url
    OutboxMessage.objects.update(due_at=timezone.now())
    drain()

    assert Refund.objects.get().state == RefundState.DONE


@pytest.mark.django_db(transaction=True)
def test_site_away__the_banks_webhook_waits(settings: Settings, drain: Drain) -> None:
    open_charge(key=uuid4(), amount_minor=2000, currency="GBP", method="card")

    drain()

    message = OutboxMessage.objects.get()
    assert (message.state, message.attempts) == ("pending", 0)
    assert SandboxCharge.objects.get().state == ChargeState.CAPTURED
