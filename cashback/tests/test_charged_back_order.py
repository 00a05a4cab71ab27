"""The payer's bank took the money back: no cashback is left of it."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import User
from cashback.models import CashbackEvent
from cashback.services import track_order
from cashback.tests.conftest import Books
from orders.models import Order
from orders.services import charge_back_order
from orders.tests.factories import new_offer, new_sale
from payments.models import Payment
from vouchers.models import Voucher
from vouchers.services import issue_vouchers
from vouchers.tests.factories import accepted, new_paid_order, new_till

pytestmark = pytest.mark.django_db
Drain = Callable[[], int]


@pytest.fixture
def order(user: User) -> Order:
    """Two vouchers, with cashback that waits."""
    order = new_paid_order(user, new_sale(offer=new_offer(cashback_basis_points=500)), quantity=2)
    issue_vouchers(order=order.public_id, at=timezone.now())
    track_order(order=order.public_id, at=timezone.now())
    return order


def charge_back(order: Order, drain: Drain) -> set[str]:
    Payment.objects.update(state="charged_back")
    charge_back_order(order=order, payment=Payment.objects.get())
    drain()
    return set(CashbackEvent.objects.values_list("state", flat=True))


def test_nothing_used__no_cashback(order: Order, drain: Drain, broken: Books) -> None:
    assert charge_back(order, drain) <= {"declined", "reversed"}
    assert broken() == {}


def test_something_used__no_cashback_either(order: Order, drain: Drain, broken: Books) -> None:
    voucher = Voucher.objects.order_by("id")[0]
    accepted(new_till(voucher.merchant), voucher)

    assert charge_back(order, drain) <= {"declined", "reversed"}
    assert broken() == {}
