"""Payments that are authorised first, at the sandbox bank, over its HTTP."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxMessage
from payments.errors import NotAuthorized, NotVoidable
from payments.events import PaymentAuthorized
from payments.models import ChargeState, Decision, Payment, PaymentState, SandboxCharge
from payments.services import (
    apply_payment_event,
    capture_payment,
    poll_payments,
    release_payment,
    start_payment,
    void_payment,
)
from payments.tests.conftest import Books
from payments.tests.factories import charge_report, new_payment
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]
CARRY_OUT = "payments.services.decisions.carry_out"


@pytest.fixture
def authorized(payment: Payment) -> Payment:
    return apply_payment_event(event=charge_report(payment, PaymentState.AUTHORIZED))


def commands() -> list[str]:
    found = OutboxMessage.objects.filter(handler=CARRY_OUT).order_by("created_at")
    return [message.payload["decision"] for message in found]


def test_authorized__is_announced_and_holds_no_money(payment: Payment, broken: Books) -> None:
    apply_payment_event(event=charge_report(payment, PaymentState.AUTHORIZED))

    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor) == ("authorized", 0)
    assert payment.authorized_at is not None
    assert PaymentAuthorized.name == "payment.authorized"
    assert OutboxMessage.objects.filter(handler="payments.handlers.let_go_unwanted").count() == 1
    assert broken() == {}


def test_decision__is_kept_with_who_and_why_and_told_to_the_provider_once(authorized: Payment, operator: User) -> None:
    for _ in range(2):
        capture_payment(payment=authorized, actor=operator, reason="goods are ready")

    authorized.refresh_from_db()
    change = StateChange.objects.filter(object_id=authorized.public_id).order_by("id").last()
    assert (authorized.state, authorized.decision) == ("authorized", "capture")
    assert change is not None
    assert (change.actor, change.reason, change.to_state) == (operator, "goods are ready", "authorized")
    assert commands() == ["capture"]


def test_first_decision__is_the_last(authorized: Payment) -> None:
    capture_payment(payment=authorized)

    with pytest.raises(NotVoidable):
        void_payment(payment=authorized)

    assert not release_payment(reference=authorized.reference, reason="the order is expired")
    assert commands() == ["capture"]


def test_voided__is_not_captured_any_more(authorized: Payment) -> None:
    void_payment(payment=authorized)

    with pytest.raises(NotAuthorized):
        capture_payment(payment=authorized)

    assert commands() == ["void"]


@pytest.mark.parametrize("state", sorted(set(PaymentState) - {PaymentState.AUTHORIZED}))
def test_payment_without_an_authorisation__has_nothing_to_capture(payment: Payment, state: PaymentState) -> None:
    Payment.objects.update(state=state)

    with pytest.raises(NotAuthorized):
        capture_payment(payment=payment)

    assert commands() == []


@pytest.mark.parametrize("state", ["captured", "failed", "cancelled", "refunded", "disputed", "charged_back"])
def test_payment_that_is_decided__is_not_voided(payment: Payment, state: str) -> None:
    Payment.objects.update(state=state)

    with pytest.raises(NotVoidable):
        void_payment(payment=payment)

    assert not release_payment(reference=payment.reference, reason="the order is expired")
    assert commands() == []


@pytest.mark.parametrize("state", [PaymentState.FAILED, PaymentState.CANCELLED])
def test_authorisation_of_a_payment_that_was_given_up__is_let_go(
    payment: Payment, state: PaymentState, drain: Drain
) -> None:
    Payment.objects.update(state=state)

    apply_payment_event(event=charge_report(payment, PaymentState.AUTHORIZED))
    drain()

    payment.refresh_from_db()
    assert payment.state == state
    assert commands() == ["void"]


@pytest.mark.django_db(transaction=True)
def test_capture_and_void_at_once__one_decision(authorized: Payment) -> None:
    answers = at_once([lambda: capture_payment(payment=authorized), lambda: void_payment(payment=authorized)])

    refused = {type(answer) for answer in answers if isinstance(answer, Exception)}
    authorized.refresh_from_db()
    assert refused == ({NotVoidable} if authorized.decision == Decision.CAPTURE else {NotAuthorized})
    assert commands() == [authorized.decision]


# --- the whole way, over HTTP ---


@pytest.fixture
def held(bank: None, user: User, drain: Drain) -> Payment:
    """A payment that the bank has authorised."""
    terms = {"reference": uuid4(), "payer": user, "amount_minor": 2000, "currency": "GBP"}
    payment = start_payment(method="card_authorize", **terms)
    drain()
    payment.refresh_from_db()
    assert payment.state == PaymentState.AUTHORIZED
    return payment


def states_after(drain: Drain, payment: Payment) -> tuple[str, str, int]:
    drain()
    payment.refresh_from_db()
    return SandboxCharge.objects.get().state, payment.state, payment.captured_minor


@pytest.mark.django_db(transaction=True)
def test_captured_at_the_bank__the_money_is_ours(held: Payment, drain: Drain, broken: Books) -> None:
    capture_payment(payment=held)

    assert states_after(drain, held) == ("captured", "captured", 2000)
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_voided_at_the_bank__nothing_was_taken(held: Payment, drain: Drain, broken: Books) -> None:
    void_payment(payment=held)

    assert states_after(drain, held) == ("voided", "cancelled", 0)
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_authorisation_that_lapsed_untold__is_found_by_the_poll(held: Payment) -> None:
    SandboxCharge.objects.update(state=ChargeState.VOIDED)
    Payment.objects.update(poll_at=timezone.now())

    assert poll_payments(at=timezone.now()) == 1

    held.refresh_from_db()
    assert held.state == PaymentState.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_decision_whose_command_was_lost__is_asked_for_again_by_the_poll(
    held: Payment, drain: Drain, broken: Books
) -> None:
    capture_payment(payment=held)
    OutboxMessage.objects.filter(handler=CARRY_OUT).delete()
    Payment.objects.update(poll_at=timezone.now())

    poll_payments(at=timezone.now())

    assert states_after(drain, held) == ("captured", "captured", 2000)


@pytest.mark.django_db(transaction=True)
def test_bank_away__the_decision_waits(held: Payment, drain: Drain, settings: Settings) -> None:
    url, settings.SANDBOX_URL = settings.SANDBOX_URL, "http://127.0.0.1:9"
    capture_payment(payment=held)
    assert states_after(drain, held) == ("authorized", "authorized", 0)

    settings.SANDBOX_URL = url
    OutboxMessage.objects.filter(state="pending").update(due_at=timezone.now())

    assert states_after(drain, held) == ("captured", "captured", 2000)


@pytest.mark.django_db(transaction=True)
def test_payment_called_off_before_the_bank_heard_of_it__is_never_charged(bank: None, user: User, drain: Drain) -> None:
    payment = new_payment(user)
    void_payment(payment=payment)

    start_payment(reference=payment.reference, payer=user, amount_minor=2000, currency="GBP", method="card")
    drain()

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("cancelled", "called_off")
    assert not SandboxCharge.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("method", "state"), [("card_dispute_won", "captured"), ("card_dispute_lost", "charged_back")], ids=["won", "lost"]
)
def test_claim_at_the_bank__ends_as_the_method_says(
    bank: None, user: User, drain: Drain, method: str, state: str
) -> None:
    terms = {"reference": uuid4(), "payer": user, "amount_minor": 2000, "currency": "GBP"}
    payment = start_payment(method=method, **terms)

    drain()

    payment.refresh_from_db()
    history = StateChange.objects.filter(object_id=payment.public_id).order_by("id").values_list("to_state", flat=True)
    assert payment.state == state
    assert list(history) == ["pending", "captured", "disputed", state]
