"""Asking the provider for what no webhook has told."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from payments.models import ChargeState, Payment, PaymentState, Refund, RefundState, SandboxCharge, SandboxRefund
from payments.queries import next_poll
from payments.services import poll_payments, poll_refunds, request_refund
from payments.tests.conftest import Books
from payments.tests.factories import captured, new_payment

pytestmark = pytest.mark.django_db(transaction=True)
Drain = Callable[[], int]


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def at_the_bank(payment: Payment, state: ChargeState) -> SandboxCharge:
    """The bank's own row, of which no webhook has told."""
    return SandboxCharge.objects.create(
        key=payment.public_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        method=payment.method,
        state=state,
    )


@pytest.mark.parametrize(
    ("at_bank", "here"),
    [(ChargeState.CAPTURED, "captured"), (ChargeState.DECLINED, "failed"), (ChargeState.PENDING, "pending")],
)
def test_charge_of_which_nobody_told__is_asked_for(
    bank: None, payment: Payment, now: datetime, at_bank: ChargeState, here: str
) -> None:
    at_the_bank(payment, at_bank)

    assert poll_payments(at=now) == 1

    payment.refresh_from_db()
    assert payment.state == here
    assert payment.polls == 1


def test_payment_that_is_not_due_or_not_open__is_not_asked_for(bank: None, user: User, now: datetime) -> None:
    new_payment(user, poll_at=now + timedelta(seconds=1))
    captured(user, poll_at=now)

    assert poll_payments(at=now) == 0


def test_waits__double_up_to_an_hour(now: datetime, settings: Settings) -> None:
    settings.PAYMENT_POLL_SECONDS = 30

    waits = [(next_poll(at=now, polls=polls) - now).total_seconds() for polls in (0, 1, 2, 6, 7, 500)]

    assert waits == [30, 60, 120, 1920, 3600, 3600]


def test_asked_once__is_not_due_again_at_once(bank: None, payment: Payment, now: datetime) -> None:
    at_the_bank(payment, ChargeState.PENDING)
    poll_payments(at=now)

    assert poll_payments(at=now) == 0
    assert poll_payments(at=now + timedelta(seconds=60)) == 1


def test_charge_the_bank_never_heard_of__is_given_up_in_the_end(
    bank: None, payment: Payment, now: datetime, settings: Settings
) -> None:
    poll_payments(at=now)
    payment.refresh_from_db()
    assert payment.state == PaymentState.CREATED

    poll_payments(at=payment.created_at + timedelta(seconds=settings.PAYMENT_ABANDON_SECONDS + 1))

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == (PaymentState.CANCELLED, "never_reached")


def test_bank_away__ends_the_round(user: User, now: datetime) -> None:
    payments = [new_payment(user) for _ in range(2)]

    assert poll_payments(at=timezone.now()) == 0

    for payment in payments:
        payment.refresh_from_db()
    assert [payment.polls for payment in payments] == [1, 0]


def test_answer_that_can_not_be_true__stops_none_of_the_others(
    bank: None, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    odd, fine = (new_payment(user) for _ in range(2))
    at_the_bank(fine, ChargeState.CAPTURED)
    SandboxCharge.objects.create(
        key=odd.public_id, amount_minor=9999, currency="GBP", method="card", state=ChargeState.CAPTURED
    )

    assert poll_payments(at=timezone.now()) == 2

    fine.refresh_from_db()
    odd.refresh_from_db()
    assert (fine.state, odd.state) == (PaymentState.CAPTURED, PaymentState.CREATED)
    assert str(odd.public_id) in caplog.text


def test_refund_of_which_nobody_told__is_asked_for(
    bank: None, user: User, drain: Drain, settings: Settings, broken: Books
) -> None:
    payment = captured(user)
    charge = at_the_bank(payment, ChargeState.CAPTURED)
    refund = request_refund(payment=payment, amount_minor=500, reason="asked", key="one")
    SandboxRefund.objects.create(charge=charge, key=refund.public_id, amount_minor=500)
    Refund.objects.update(state=RefundState.IN_TRANSIT, poll_at=timezone.now())

    assert poll_refunds(at=timezone.now()) == 1

    refund.refresh_from_db()
    assert (refund.state, refund.polls) == (RefundState.DONE, 1)
    assert broken() == {}


def test_refund_the_bank_never_heard_of__stays_on_its_way(bank: None, user: User) -> None:
    refund = request_refund(payment=captured(user), amount_minor=500, reason="asked", key="one")
    Refund.objects.update(state=RefundState.IN_TRANSIT, poll_at=timezone.now())

    assert poll_refunds(at=timezone.now()) == 1

    refund.refresh_from_db()
    assert refund.state == RefundState.IN_TRANSIT
