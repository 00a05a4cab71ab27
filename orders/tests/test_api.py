"""The REST doors: who may, what goes in, what comes out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from coupon_site.models import IdempotencyRecord
from flags import override_flags
from orders.models import FlashSale, Merchant, Order
from orders.services import cancel_order, rebuild_gate, set_members
from orders.tests.factories import new_merchant, new_offer, new_order, new_sale
from payments.models import Payment, Refund

pytestmark = pytest.mark.django_db
ApiOf = Callable[[User], APIClient]


@pytest.fixture
def buyer(user: User, api_of: ApiOf) -> APIClient:
    return api_of(user)


@pytest.fixture
def staff(operator: User, api_of: ApiOf) -> APIClient:
    return api_of(operator)


def post(client: APIClient, path: str, body: object, key: str | None = "") -> Any:
    """POST with a key of its own, the given one, or (None) without."""
    headers = {} if key is None else {"Idempotency-Key": key or str(uuid4())}
    return client.post(path, body, headers=headers)


def wish(*sales: FlashSale, quantity: int = 1, **more: object) -> dict[str, object]:
    return {"lines": [{"sale": str(sale.public_id), "quantity": quantity} for sale in sales], **more}


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["detail"]
    return answer.status_code, body["code"]


# --- catalogue ---


def test_anybody__sees_published_offers(api: APIClient) -> None:
    offer = new_offer(cashback_basis_points=250)
    new_offer(is_published=False)

    [shown] = api.get("/api/v1/offers/").json()["results"]

    assert shown["id"] == str(offer.public_id)
    assert shown["merchant"]["name"] == offer.merchant.name
    assert (shown["value_minor"], shown["currency"], shown["cashback_basis_points"]) == (5000, "GBP", 250)
    assert api.get(f"/api/v1/offers/{offer.public_id}").json() == shown


def test_unpublished_offer_and_its_sale__are_not_found(api: APIClient) -> None:
    offer = new_offer(is_published=False)
    sale = new_sale(offer=offer)

    assert refusal(api.get(f"/api/v1/offers/{offer.public_id}")) == (404, "not_found")
    assert refusal(api.get(f"/api/v1/sales/{sale.public_id}")) == (404, "not_found")
    assert refusal(api.get(f"/api/v1/sales/{sale.public_id}/availability")) == (404, "not_found")


def test_anybody__sees_sales_that_are_not_over(api: APIClient, sale: FlashSale) -> None:
    now = timezone.now()
    over = new_sale(ends_at=now - timedelta(minutes=1))
    coming = new_sale(starts_at=now + timedelta(minutes=1))

    def ids(query: str = "") -> list[str]:
        return [row["id"] for row in api.get(f"/api/v1/sales/{query}").json()["results"]]

    assert ids() == [str(coming.public_id), str(sale.public_id)]
    assert ids("?phase=live") == [str(sale.public_id)]
    assert ids("?phase=upcoming") == [str(coming.public_id)]
    assert ids("?phase=ended") == [str(over.public_id)]
    assert ids(f"?offer={sale.offer.public_id}") == [str(sale.public_id)]
    assert ids(f"?merchant={uuid4()}") == []


def test_availability__is_what_is_left(api: APIClient, user: User, sale: FlashSale) -> None:
    new_order(user, sale, quantity=3)

    for slash in ("", "/"):
        assert api.get(f"/api/v1/sales/{sale.public_id}/availability{slash}").json() == {
            "sale": str(sale.public_id),
            "phase": "live",
            "available": 7,
            "total": 10,
            "per_buyer_limit": 10,
        }


@pytest.mark.parametrize("query", ["?phase=soon", "?offer=x", "?merchant=1"])
def test_filter_that_makes_no_sense__is_a_bad_request(api: APIClient, query: str) -> None:
    assert refusal(api.get(f"/api/v1/sales/{query}")) == (400, "invalid")


def test_more_sales__cost_no_more_statements(
    api: APIClient, sale: FlashSale, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        new_sale()

    with django_assert_num_queries(1):
        assert len(api.get("/api/v1/sales/").json()["results"]) == 4


# --- buying ---


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

    # Signing in 1, the key 5 with its savepoint, reserving 10, the answer's lines 1.
    with django_assert_num_queries(17):
        answer = post(buyer, "/api/v1/orders/", wish(*sales))

    assert answer.status_code == 201


# --- following ---


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

    # The token, two for its permissions, orders, lines.
    with django_assert_num_queries(5):
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


# --- operators ---


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
