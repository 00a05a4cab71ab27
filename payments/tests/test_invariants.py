"""Each invariant finds the row that breaks it, and nothing else."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from payments.models import Payment, Refund, WebhookReceipt
from payments.queries import failed_refunds, stuck_payments, waiting_receipts
from payments.services import request_refund
from payments.tests.conftest import Books
from payments.tests.factories import new_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def refund(captured_payment: Payment) -> Refund:
    return request_refund(payment=captured_payment, amount_minor=500, reason="asked", key="one")


def test_refund_that_is_not_counted__is_found(refund: Refund, broken: Books) -> None:
    assert broken() == {}

    Payment.objects.update(refunding_minor=499)

    assert broken() == {"payments_sums_of_refunds": 1}


def test_refund_done_that_is_not_booked__is_found(refund: Refund, broken: Books) -> None:
    Refund.objects.update(state="done")

    assert broken() == {"payments_sums_of_refunds": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "pending"},
        {"captured_minor": 0},
        {"state": "refunded"},
    ],
)
def test_state_that_says_something_else_than_the_money__is_found(
    captured_payment: Payment, broken: Books, fields: dict[str, object]
) -> None:
    assert broken() == {}

    Payment.objects.update(**fields)

    assert broken() == {"payments_state_against_amounts": 1}


def test_figures__count_what_waits_for_people(user: User, refund: Refund) -> None:
    new_payment(user)
    now = timezone.now()
    WebhookReceipt.objects.create(provider="sandbox", event_id="evt_1", event_type="x", body="{}", verified=True)
    assert (stuck_payments(now), failed_refunds(), waiting_receipts()) == (0, 0, 1)

    Refund.objects.update(state="failed")

    assert (stuck_payments(now + timedelta(minutes=16)), failed_refunds()) == (1, 1)
