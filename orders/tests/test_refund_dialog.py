"""An operator gives a chosen part of an order's money back."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from conftest import MakeUser
from orders.models import Order
from payments.models import Payment, Refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(operator: User, client: Client) -> Client:
    client.force_login(operator)
    return client


def dialog(order: Order) -> str:
    return reverse("admin:orders_order_refund_amount", args=[order.pk])


def press(desk: Client, order: Order, amount: str, *, key: object = None, reason: str = "torn box") -> str:
    asked = {"amount": amount, "reason": reason, "key": str(key or uuid4()), "_form_submitted": "True"}
    answer = desk.post(dialog(order), asked)
    return answer.headers.get("HX-Redirect", "") or answer.content.decode()


def test_part__goes_back_and_the_page_is_shown_again(desk: Client, operator: User, paid_order: Order) -> None:
    answer = press(desk, paid_order, "5.50")

    refund = Refund.objects.get()
    paid_order.refresh_from_db()
    assert answer == f"/admin/orders/order/{paid_order.pk}/change/"
    assert (refund.amount_minor, refund.reason, refund.requested_by) == (550, "torn box", operator)
    assert paid_order.state == "paid"


def test_parts_up_to_the_last__undo_the_order(desk: Client, paid_order: Order) -> None:
    for amount in ("5.00", "14.99", "0.01"):
        press(desk, paid_order, amount)

    paid_order.refresh_from_db()
    assert (paid_order.state, Refund.objects.count()) == ("refunded", 3)


def test_pressed_twice__is_one_refund(desk: Client, paid_order: Order) -> None:
    key = uuid4()

    for _ in range(2):
        press(desk, paid_order, "5.00", key=key)

    assert Payment.objects.get().refunding_minor == 500


@pytest.mark.parametrize("amount", ["20.01", "0", "-1", "much", "", "NaN", "1e400"])
def test_amount_that_can_not_be__stays_a_form(desk: Client, paid_order: Order, amount: str) -> None:
    page = press(desk, paid_order, amount)

    assert "GBP 20.00 is left" in page
    assert not Refund.objects.exists()


def test_contested_or_unpaid_order__has_no_button(desk: Client, paid_order: Order) -> None:
    path = f"/admin/orders/order/{paid_order.pk}/change/"
    assert dialog(paid_order) in desk.get(path).content.decode()

    Payment.objects.update(state="disputed")

    assert dialog(paid_order) not in desk.get(path).content.decode()


def test_who_may_not_refund__does_not(make_user: MakeUser, client: Client, paid_order: Order) -> None:
    client.force_login(make_user(groups=["merchants"], is_staff=True))

    answer = client.post(dialog(paid_order), {"amount": "1"})

    assert answer.status_code == 403
    assert not Refund.objects.exists()
