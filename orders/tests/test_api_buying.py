"""Placing orders: what goes in, what comes out, who may."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from coupon_site.models import IdempotencyRecord
from flags import override_flags
from orders.models import FlashSale, Order
from orders.services import cancel_order, rebuild_gate
from orders.tests.doors import post, refusal, wish
from orders.tests.factories import new_order, new_sale

pytestmark = pytest.mark.django_db
ApiOf = Callable[[User], APIClient]


def test_wish_that_can_be_met__is_an_order(buyer: APIClient, sale: FlashSale, user: User) -> None:
    answer = post(buyer, "/api/v1/orders/", wish(sale, quantity=2))

    order = Order.objects.get()
    body = answer.json()
    assert answer.status_code == 201
    assert order.buyer == user
    assert body == {
        "id": str(order.public_id),
        "number": order.number,
        "state": "reserved",
        "currency": "GBP",
        "total_minor": 2000,
        "refunded_minor": 0,
        "payment_method": "card",
        "lines": [
            {
                "id": str(order.lines.get().public_id),
                "sale": str(sale.public_id),
                "offer": str(sale.offer.public_id),
                "merchant": str(sale.offer.merchant.public_id),
                "title": sale.title,
                "quantity": 2,
                "unit_minor": 1000,
                "discount_minor": 0,
                "line_total_minor": 2000,
                "gift": None,
            }
        ],
        "created_at": body["created_at"],
        "expires_at": body["expires_at"],
        "paid_at": None,
        "fulfilled_at": None,
    }
    assert body["created_at"].endswith("Z")
    assert buyer.get(f"/api/v1/orders/{order.public_id}").json() == body


def test_same_key_and_body__gets_the_same_order(buyer: APIClient, sale: FlashSale) -> None:
    first, again = (post(buyer, "/api/v1/orders/", wish(sale), "once") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_same_key_and_another_body__is_refused(buyer: APIClient, sale: FlashSale) -> None:
    post(buyer, "/api/v1/orders/", wish(sale), "once")

    answer = post(buyer, "/api/v1/orders/", wish(sale, quantity=2), "once")

    assert refusal(answer) == (422, "idempotency_key_reused")
    assert Order.objects.count() == 1


def test_no_key__is_refused(buyer: APIClient, sale: FlashSale) -> None:
    assert refusal(post(buyer, "/api/v1/orders/", wish(sale), None)) == (400, "idempotency_key_required")

    assert not Order.objects.exists()


def test_same_key_of_somebody_else__is_another_key(
    buyer: APIClient, api_of: ApiOf, make_user: MakeUser, sale: FlashSale
) -> None:
    post(buyer, "/api/v1/orders/", wish(sale), "once")
    post(api_of(make_user()), "/api/v1/orders/", wish(sale), "once")

    assert Order.objects.count() == 2


@pytest.mark.parametrize(("stock", "limit", "code"), [(1, 10, "sold_out"), (10, 1, "limit_reached")])
def test_wish_that_can_not_be_met__says_why(buyer: APIClient, stock: int, limit: int, code: str) -> None:
    sale = new_sale(stock=stock, per_buyer_limit=limit)

    answer = post(buyer, "/api/v1/orders/", wish(sale, quantity=2))

    assert refusal(answer) == (409, code)
    assert answer.json()["sale"] == str(sale.public_id)
    assert not Order.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def test_refused_wish__may_be_asked_again_with_its_key(buyer: APIClient, user: User, make_user: MakeUser) -> None:
    sale = new_sale(stock=1)
    other = new_order(make_user(), sale)
    assert refusal(post(buyer, "/api/v1/orders/", wish(sale), "again")) == (409, "sold_out")
    cancel_order(order=other, actor=user)

    assert post(buyer, "/api/v1/orders/", wish(sale), "again").status_code == 201


def test_closed_sale__is_refused_by_gate_and_database(buyer: APIClient) -> None:
    sale = new_sale(starts_at=timezone.now() + timedelta(seconds=30))

    assert refusal(post(buyer, "/api/v1/orders/", wish(sale))) == (409, "sale_closed")
    rebuild_gate(at=timezone.now())
    assert refusal(post(buyer, "/api/v1/orders/", wish(sale))) == (409, "sale_closed")


def test_sales_switched_off__are_closed(buyer: APIClient, sale: FlashSale) -> None:
    with override_flags({"checkout.sales_open": False}):
        assert refusal(post(buyer, "/api/v1/orders/", wish(sale))) == (409, "sale_closed")


def test_unknown_sale__is_not_found(buyer: APIClient) -> None:
    body = {"lines": [{"sale": str(uuid4()), "quantity": 1}]}

    assert refusal(post(buyer, "/api/v1/orders/", body)) == (404, "sale_unknown")


LINE = {"sale": "0190b3c2-7d6e-7000-8000-000000000000", "quantity": 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"lines": []},
        {"lines": None},
        {"lines": LINE},
        {"lines": [LINE] * 2},
        {"lines": [{**LINE, "quantity": 0}]},
        {"lines": [{**LINE, "quantity": 10**30}]},
        {"lines": [{**LINE, "quantity": "x"}]},
        {"lines": [{"quantity": 1}]},
        {"lines": [{**LINE, "sale": "x"}]},
        {"lines": [{**LINE, "price_minor": 1}]},
        {"lines": [LINE], "payment_method": "gold"},
        {"lines": [LINE], "payment_method": None},
        {"lines": [LINE], "total_minor": 1},
        {"lines": [{**LINE, "sale": f"0190b3c2-7d6e-7000-8000-{number:012}"} for number in range(11)]},
    ],
)
def test_wish_that_makes_no_sense__is_a_bad_request(buyer: APIClient, body: object) -> None:
    assert refusal(post(buyer, "/api/v1/orders/", body)) == (400, "invalid")


def test_nobody__buys_nothing(api: APIClient, sale: FlashSale) -> None:
    assert refusal(post(api, "/api/v1/orders/", wish(sale))) == (401, "not_authenticated")


@pytest.mark.parametrize("lines", [1, 10])
def test_order_of_more_lines__costs_no_more_statements(
    buyer: APIClient, django_assert_num_queries: DjangoAssertNumQueries, lines: int
) -> None:
    sales = [new_sale() for _ in range(lines)]

    # Signing in 1, the key 5 with its savepoint, reserving 10 (of one sale 8); the answer comes from memory.
    with django_assert_num_queries(14 if lines == 1 else 16):
        answer = post(buyer, "/api/v1/orders/", wish(*sales))

    assert answer.status_code == 201
