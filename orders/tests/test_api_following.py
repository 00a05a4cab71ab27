"""A buyer's own orders: lists, pages, calling off, paying again."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from orders.models import FlashSale, Order
from orders.services import cancel_order
from orders.tests.doors import post, refusal
from orders.tests.factories import new_order

pytestmark = pytest.mark.django_db


def test_own_orders__newest_first_in_pages(buyer: APIClient, user: User, sale: FlashSale) -> None:
    orders = [new_order(user, sale) for _ in range(3)]

    first = buyer.get("/api/v1/orders/?page_size=2").json()
    second = buyer.get(first["next"]).json()

    numbers = [row["number"] for row in first["results"] + second["results"]]
    assert numbers == [order.number for order in reversed(orders)]
    assert second["next"] is None


def test_orders_of_others__are_not_there(
    buyer: APIClient, staff: APIClient, make_user: MakeUser, sale: FlashSale
) -> None:
    order = new_order(make_user(), sale)
    path = f"/api/v1/orders/{order.public_id}"

    assert buyer.get("/api/v1/orders/").json()["results"] == []
    assert refusal(buyer.get(path)) == (404, "not_found")
    assert refusal(post(buyer, f"{path}/cancel", {})) == (404, "not_found")
    assert refusal(buyer.get(f"{path}/payments")) == (404, "not_found")
    assert refusal(post(buyer, f"{path}/payments", {})) == (404, "not_found")
    assert staff.get(path).json()["number"] == order.number
    order.refresh_from_db()
    assert order.state == "reserved"


def test_filters__choose_by_state_and_time(buyer: APIClient, user: User, sale: FlashSale) -> None:
    cancelled, reserved = new_order(user, sale), new_order(user, sale)
    cancel_order(order=cancelled, actor=user)
    between = reserved.created_at.isoformat().replace("+00:00", "Z")

    def numbers(query: str) -> list[str]:
        return [row["number"] for row in buyer.get(f"/api/v1/orders/?{query}").json()["results"]]

    assert numbers("state=cancelled") == [cancelled.number]
    assert numbers("state=cancelled&state=reserved") == [reserved.number, cancelled.number]
    assert numbers(f"created_after={between}") == [reserved.number]
    assert numbers(f"created_before={between}") == [cancelled.number]
    assert numbers(f"number={cancelled.number}") == [cancelled.number]
    assert refusal(buyer.get("/api/v1/orders/?state=lost")) == (400, "invalid")
    assert refusal(buyer.get("/api/v1/orders/?created_after=yesterday")) == (400, "invalid")


def test_more_orders__cost_no_more_statements(
    buyer: APIClient, user: User, sale: FlashSale, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(4):
        new_order(user, sale)

    # The token, two for its permissions, where the channel stands, orders, lines.
    with django_assert_num_queries(6):
        assert len(buyer.get("/api/v1/orders/").json()["results"]) == 4


def test_unpaid_order__is_called_off_by_its_buyer(buyer: APIClient, order: Order) -> None:
    answer = post(buyer, f"/api/v1/orders/{order.public_id}/cancel", {"reason": "too dear"}, None)

    assert answer.status_code == 200
    assert answer.json()["state"] == "cancelled"


def test_paid_order__can_not_be_called_off(buyer: APIClient, paid_order: Order) -> None:
    answer = post(buyer, f"/api/v1/orders/{paid_order.public_id}/cancel", {})

    assert refusal(answer) == (409, "illegal_transition")


def test_payments__are_shown_and_tried_again(buyer: APIClient, order: Order) -> None:
    path = f"/api/v1/orders/{order.public_id}/payments"

    made = post(buyer, path, {"method": "card"})
    again = post(buyer, path, {"method": "card"})

    [shown] = buyer.get(path).json()["results"]
    assert made.status_code == 201
    assert shown == made.json()
    assert (shown["state"], shown["method"], shown["amount_minor"], shown["currency"]) == (
        "created",
        "card",
        2000,
        "GBP",
    )
    assert refusal(again) == (409, "payment_in_progress")
    assert refusal(post(buyer, path, {}, None)) == (400, "idempotency_key_required")
    assert refusal(post(buyer, path, {"method": "gold"})) == (400, "invalid")


def test_paid_order__takes_no_payment(buyer: APIClient, paid_order: Order) -> None:
    answer = post(buyer, f"/api/v1/orders/{paid_order.public_id}/payments", {})

    assert refusal(answer) == (409, "not_payable")
