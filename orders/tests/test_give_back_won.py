"""Payments that a payer's bank contested and then left to us."""

from collections.abc import Callable

import pytest

from accounts.models import User
from orders.models import Order, OrderState
from orders.services import cancel_order, confirm_order
from orders.tests.conftest import Books
from orders.tests.factories import captured_payment
from payments.models import DisputeState, Payment, Refund
from payments.providers import DisputeReport
from payments.services import apply_payment_event

pytestmark = pytest.mark.django_db


def contest(payment: Payment, state: DisputeState) -> None:
    apply_payment_event(
        event=DisputeReport(
            state=state,
            provider=payment.provider,
            provider_ref="dp_1",
            charge_ref=payment.provider_ref,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            reason="fraudulent",
        )
    )


def test_order_that_was_called_off__gets_its_money_back_once_the_bank_leaves_it_to_us(
    order: Order, user: User, drain: Callable[[], int], broken: Books
) -> None:
    cancel_order(order=order, actor=user)
    payment = captured_payment(order)
    contest(payment, DisputeState.OPEN)
    confirm_order(order=order, captured_minor=payment.captured_minor, payment=payment)
    assert not Refund.objects.exists()
    assert broken() == {}

    contest(payment, DisputeState.WON)
    drain()

    assert Refund.objects.get().amount_minor == payment.captured_minor
    assert broken() == {}


def test_order_that_was_delivered__keeps_what_was_won(
    fulfilled_order: Order, drain: Callable[[], int], broken: Books
) -> None:
    payment = fulfilled_order.paid_by
    assert payment is not None

    for state in (DisputeState.OPEN, DisputeState.WON):
        contest(payment, state)
        drain()

    fulfilled_order.refresh_from_db()
    assert fulfilled_order.state == OrderState.FULFILLED
    assert not Refund.objects.exists()
    assert broken() == {}
