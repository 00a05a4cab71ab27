"""One order over REST: whoever may see it, and what that costs."""

from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from orders.models import FlashSale, Order
from orders.tests.doors import post, refusal, wish
from orders.tests.factories import new_order, new_sale

pytestmark = pytest.mark.django_db

GIFT = {"mode": "email", "recipient_email": "friend@example.com", "message": 'Ü "quoted"'}


def address(order: Order) -> str:
    return f"/api/v1/orders/{order.public_id}/"


@pytest.fixture
def order_of_somebody(make_user: MakeUser, sale: FlashSale) -> Order:
    return new_order(make_user(), sale)


def test_order__reads_as_it_was_answered_and_as_in_the_list(buyer: APIClient, make_user: MakeUser) -> None:
    sales = [new_sale(price_minor=500 + number) for number in range(3)]
    new_order(make_user(), *sales)
    body: dict[str, Any] = wish(*reversed(sales), quantity=2)
    body["lines"].append({"sale": str(sales[0].public_id), "gift": GIFT})
    made = post(buyer, "/api/v1/orders/", body).json()

    assert made["lines"][-1]["gift"]["message"] == GIFT["message"]
    assert buyer.get(f"/api/v1/orders/{made['id']}/").json() == made
    assert buyer.get("/api/v1/orders/").json()["results"] == [made]


def test_paid_order__shows_when(buyer: APIClient, fulfilled_order: Order) -> None:
    answer = buyer.get(address(fulfilled_order)).json()

    assert [answer] == buyer.get("/api/v1/orders/").json()["results"]
    assert answer["paid_at"]
    assert answer["fulfilled_at"]


def test_order_without_lines__is_still_an_order(buyer: APIClient, order: Order) -> None:
    order.pk, order.public_id, order.number = None, uuid4(), "without"
    order.save(force_insert=True)

    assert buyer.get(address(order)).json()["lines"] == []


@pytest.mark.parametrize("lines", [1, 10])
def test_buyer__is_answered_in_two_statements(
    buyer: APIClient, user: User, django_assert_num_queries: DjangoAssertNumQueries, lines: int
) -> None:
    order = new_order(user, *(new_sale() for _ in range(lines)))

    # The token; the order with its lines.
    with django_assert_num_queries(2):
        answer = buyer.get(address(order))

    assert len(answer.json()["lines"]) == lines


def test_operator__reads_everybody_s(
    staff: APIClient, order_of_somebody: Order, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # The token; the order; the reader's own permissions and those of their groups.
    with django_assert_num_queries(4):
        answer = staff.get(address(order_of_somebody))

    assert answer.json()["number"] == order_of_somebody.number


def test_superuser__needs_no_permission(superuser: User, order_of_somebody: Order) -> None:
    client = APIClient()
    client.force_login(superuser)

    assert client.get(address(order_of_somebody)).status_code == 200


def test_stranger__can_not_tell_it_from_one_that_is_not_there(buyer: APIClient, order_of_somebody: Order) -> None:
    foreign, missing = buyer.get(address(order_of_somebody)), buyer.get(f"/api/v1/orders/{uuid4()}/")

    assert refusal(foreign) == refusal(missing) == (404, "not_found")
    assert foreign.content == missing.content


def test_nobody__is_asked_who_they_are(api: APIClient, order: Order) -> None:
    assert refusal(api.get(address(order))) == (401, "not_authenticated")


def test_rule_of_one_row__is_that_of_all_rows(
    user: User, operator: User, superuser: User, order: Order, order_of_somebody: Order
) -> None:
    for reader in (user, operator, superuser, order_of_somebody.buyer):
        visible = set(Order.objects.visible_to(reader))
        assert visible == {each for each in (order, order_of_somebody) if each.is_visible_to(reader)}
        assert visible
