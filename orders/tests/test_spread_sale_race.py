"""Buyers at the same instant at a sale whose units lie in several buckets, on real connections."""

from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conftest import MakeUser
from orders.models import FlashSale, Order, SaleStock
from orders.services import reserve
from orders.tests.conftest import Books
from orders.tests.factories import new_sale, request_of
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def buy(buyer: User, sale: FlashSale, *, quantity: int = 1) -> str:
    [answer] = reserve(requests=[request_of(buyer, sale, quantity=quantity)], at=timezone.now())
    return "reserved" if isinstance(answer, Order) else answer.code


def test_bucket_that_somebody_is_at__is_passed_by(user: User, broken: Books) -> None:
    sale = new_sale(stock=4, buckets=2)
    first, second = sale.stock.order_by("id")

    with transaction.atomic():
        SaleStock.objects.select_for_update().get(pk=first.pk)
        answers = at_once([lambda: buy(user, sale)])

    second.refresh_from_db()
    assert answers == ["reserved"]
    assert second.reserved == 1
    assert broken() == {}


def test_crowd__buys_all_units_and_no_more(make_user: MakeUser, broken: Books) -> None:
    sale = new_sale(stock=10, buckets=4)
    buyers = [make_user() for _ in range(8)]

    answers = at_once([lambda buyer=buyer: [buy(buyer, sale) for _ in range(3)] for buyer in buyers])

    assert all(isinstance(codes, list) for codes in answers), answers
    assert Counter(code for codes in answers for code in codes) == {"reserved": 10, "sold_out": 14}
    assert broken() == {}


def test_one_buyer__has_no_more_than_the_limit(user: User, broken: Books) -> None:
    sale = new_sale(stock=40, buckets=4, per_buyer_limit=5)

    answers = at_once([lambda: buy(user, sale, quantity=2) for _ in range(6)])

    assert Counter(map(str, answers))["reserved"] == 2
    assert broken() == {}
