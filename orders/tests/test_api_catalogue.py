"""What is for sale: anybody may look."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from orders.models import FlashSale
from orders.tests.doors import refusal
from orders.tests.factories import new_offer, new_order, new_sale

pytestmark = pytest.mark.django_db


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
