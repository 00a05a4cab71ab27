"""Rooms for operators: refunds and merchants."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from orders.models import FlashSale, Merchant, Order
from orders.services import set_members
from orders.tests.doors import post, refusal
from orders.tests.factories import new_merchant, new_order
from payments.models import Payment, Refund

pytestmark = pytest.mark.django_db
ApiOf = Callable[[User], APIClient]


def test_operator__refunds_a_part_and_then_the_rest(staff: APIClient, paid_order: Order, operator: User) -> None:
    body = {"order": str(paid_order.public_id), "amount_minor": 500, "reason": "cold food"}

    first = post(staff, "/api/v1/refunds/", body, "part")
    post(staff, "/api/v1/refunds/", body, "part")
    rest = post(staff, "/api/v1/refunds/", {"order": str(paid_order.public_id), "reason": "sorry"})

    assert (first.status_code, rest.status_code) == (201, 201)
    assert first.json() == {
        **first.json(),
        "order": str(paid_order.public_id),
        "amount_minor": 500,
        "currency": "GBP",
        "state": "created",
        "reason": "cold food",
        "done_at": None,
    }
    assert rest.json()["amount_minor"] == 1500
    assert [refund.requested_by for refund in Refund.objects.all()] == [operator, operator]
    assert staff.get(f"/api/v1/orders/{paid_order.public_id}").json()["state"] == "refunded"
    listed = staff.get(f"/api/v1/refunds/?order={paid_order.public_id}&state=created").json()["results"]
    assert [row["id"] for row in listed] == [rest.json()["id"], first.json()["id"]]
    assert staff.get(f"/api/v1/refunds/{first.json()['id']}").json() == first.json()


def test_refund_that_can_not_be__says_why(staff: APIClient, paid_order: Order, user: User, sale: FlashSale) -> None:
    unpaid = new_order(user, sale)

    def refund(**body: object) -> tuple[int, str]:
        return refusal(post(staff, "/api/v1/refunds/", {"reason": "why", **body}))

    assert refund(order=str(paid_order.public_id), amount_minor=2001) == (409, "refund_too_large")
    assert refund(order=str(paid_order.public_id), amount_minor=0) == (400, "invalid")
    assert refund(order=str(paid_order.public_id), amount_minor=10**30) == (400, "invalid")
    assert refund(order=str(unpaid.public_id)) == (409, "not_refundable")
    assert refund(order=str(uuid4())) == (404, "not_found")
    assert refund(order="x") == (400, "invalid")
    assert not Refund.objects.exists()
    assert Payment.objects.get().refunding_minor == 0


@pytest.mark.parametrize("path", ["/api/v1/refunds/", "/api/v1/merchants/"])
def test_customers__are_kept_out_of_operators_rooms(buyer: APIClient, api: APIClient, path: str) -> None:
    assert refusal(buyer.get(path)) == (403, "permission_denied")
    assert refusal(post(buyer, path, {"name": "x"})) == (403, "permission_denied")
    assert refusal(api.get(path)) == (401, "not_authenticated")


def test_operator__makes_and_changes_merchants(staff: APIClient) -> None:
    made = post(staff, "/api/v1/merchants/", {"name": "Bistro", "timezone": "Europe/Berlin"})
    path = f"/api/v1/merchants/{made.json()['id']}"

    changed = staff.patch(path, {"name": "Trattoria"})

    assert (made.status_code, changed.status_code) == (201, 200)
    assert staff.get(path).json() == {**made.json(), "name": "Trattoria"}
    assert [row["name"] for row in staff.get("/api/v1/merchants/").json()["results"]] == ["Trattoria"]


def test_merchant_that_can_not_be__is_a_bad_request(staff: APIClient) -> None:
    merchant = new_merchant()

    taken = post(staff, "/api/v1/merchants/", {"name": merchant.name})
    lost = post(staff, "/api/v1/merchants/", {"name": "Bistro", "timezone": "Mars/Olympus"})

    assert refusal(taken) == refusal(lost) == (400, "invalid")
    assert set(taken.json()["errors"]) == {"name"}
    assert set(lost.json()["errors"]) == {"timezone"}
    assert Merchant.objects.count() == 1


def test_merchants_people__see_their_own(make_user: MakeUser, api_of: ApiOf) -> None:
    own, other = new_merchant(), new_merchant()
    clerk = make_user(groups=["merchants"])
    set_members(merchant=own, members=[clerk])
    client = api_of(clerk)

    assert [row["name"] for row in client.get("/api/v1/merchants/").json()["results"]] == [own.name]
    assert refusal(client.get(f"/api/v1/merchants/{other.public_id}")) == (404, "not_found")
    assert refusal(client.patch(f"/api/v1/merchants/{own.public_id}", {"name": "x"})) == (403, "permission_denied")


@pytest.mark.parametrize("garbage", ["1", "x" * 300, "0190b3c2-7d6e-7000-8000-00000000000g"])
@pytest.mark.parametrize("room", ["offers", "sales", "orders", "merchants", "refunds"])
def test_id_that_is_none__is_not_found(staff: APIClient, room: str, garbage: str) -> None:
    assert refusal(staff.get(f"/api/v1/{room}/{garbage}")) == (404, "not_found")
