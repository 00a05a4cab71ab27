"""The payer's bank took an order's money back."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import User
from events.models import OutboxEvent
from orders.models import Order, OrderState
from orders.services import charge_back_order
from orders.tests.factories import new_offer, new_sale
from vouchers.models import Voucher, VoucherState
from vouchers.services import issue_vouchers
from vouchers.tests.factories import accepted, new_paid_order, new_till

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]


@pytest.fixture
def order(user: User) -> Order:
    """Three vouchers of a paid order."""
    order = new_paid_order(user, new_sale(offer=new_offer()), quantity=3)
    issue_vouchers(order=order.public_id, at=timezone.now())
    order.refresh_from_db()
    return order


def charge_back(order: Order) -> None:
    assert order.paid_by is not None
    order.paid_by.state = "charged_back"
    order.paid_by.save(update_fields=["state"])
    charge_back_order(order=order, payment=order.paid_by)


def states(order: Order) -> list[str]:
    return list(Voucher.objects.of_order(order.pk).order_by("id").values_list("state", flat=True))


def test_nothing_used__undoes_the_order(order: Order, drain: Drain) -> None:
    for _ in range(2):
        charge_back(order)
    drain()

    order.refresh_from_db()
    assert order.state == OrderState.REFUNDED
    assert states(order) == [VoucherState.CANCELLED] * 3
    assert OutboxEvent.objects.filter(event_type="order.refunded").count() == 1


def test_something_used__takes_back_the_rest_and_the_order_stays(order: Order, drain: Drain) -> None:
    first = Voucher.objects.of_order(order.pk).order_by("id")[0]
    accepted(new_till(first.merchant), first)

    charge_back(order)
    drain()

    order.refresh_from_db()
    assert order.state == OrderState.FULFILLED
    assert states(order) == [VoucherState.REDEEMED, VoucherState.CANCELLED, VoucherState.CANCELLED]
    assert OutboxEvent.objects.filter(event_type="order.charged_back").count() == 1
