import pytest
from django.utils import timezone

from accounts.models import User
from events.models import OutboxMessage
from orders.errors import NotPayable
from orders.models import Order
from orders.services import retry_payment
from orders.tests.factories import new_order, new_sale
from payments.errors import PaymentInProgress
from payments.models import Payment, PaymentState
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db


def test_nothing_under_way__is_queued_for_the_worker(order: Order) -> None:
    payment = retry_payment(order=order, method="card", at=timezone.now())

    assert (payment.reference, payment.state, payment.amount_minor) == (order.public_id, PaymentState.CREATED, 2000)
    message = OutboxMessage.objects.get(handler="payments.services.attempts.charge_queued")
    assert message.payload == {"payment": str(payment.public_id)}


def test_payment_under_way__is_refused(order: Order) -> None:
    retry_payment(order=order, method="card", at=timezone.now())

    with pytest.raises(PaymentInProgress):
        retry_payment(order=order, method="card", at=timezone.now())

    assert Payment.objects.count() == 1


def test_hold_run_out__is_refused(order: Order) -> None:
    with pytest.raises(NotPayable):
        retry_payment(order=order, method="card", at=order.expires_at)

    assert not Payment.objects.exists()


@pytest.mark.parametrize("state", ["paid", "fulfilled", "expired", "cancelled", "refunded"])
def test_order_that_waits_for_no_money__is_refused(order: Order, state: str) -> None:
    Order.objects.update(state=state)

    with pytest.raises(NotPayable):
        retry_payment(order=order, method="card", at=timezone.now())


def test_free_order__is_refused(user: User) -> None:
    order = new_order(user, new_sale(price_minor=0))

    with pytest.raises(NotPayable):
        retry_payment(order=order, method="card", at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_two_at_once__one_payment(order: Order) -> None:
    answers = at_once([lambda: retry_payment(order=order, method="card", at=timezone.now())] * 2)

    assert sorted(type(answer).__name__ for answer in answers) == ["Payment", "PaymentInProgress"]
    assert Payment.objects.count() == 1
