from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conftest import MakeUser
from orders.models import FlashSale, Order, SalePhase
from orders.queries import availability_of, inventory_of_live_sales, overdue_orders, pending_orders
from orders.services import close_sale
from orders.tests.factories import new_offer, new_order, new_sale

pytestmark = pytest.mark.django_db


def test_live_sale__has_what_nobody_holds_or_bought(make_user: MakeUser) -> None:
    sale = new_sale(stock=11, buckets=2)
    new_order(make_user(), sale, quantity=4)

    answer = availability_of(sale, at=timezone.now())

    assert (answer.phase, answer.available, answer.total) == (SalePhase.LIVE, 7, 11)


def test_sale_that_is_not_live__has_nothing(sale: FlashSale) -> None:
    assert sale.ends_at is not None

    answer = availability_of(sale, at=sale.ends_at)

    assert (answer.phase, answer.available, answer.total) == (SalePhase.ENDED, 0, 10)


def test_phases__are_the_same_in_rows_and_in_queries() -> None:
    now = timezone.now()
    sales = [
        new_sale(),
        new_sale(starts_at=now + timedelta(minutes=1)),
        new_sale(ends_at=now - timedelta(minutes=1)),
        new_offer(stock=1).sales.get(),
        close_sale(sale=new_sale(), at=now),
    ]
    moments = [now + timedelta(minutes=minutes) for minutes in (-61, -2, 0, 5, 90)]

    for moment in moments:
        for phase in SalePhase:
            by_query = set(FlashSale.objects.in_phase(phase, at=moment))
            assert by_query == {sale for sale in sales if sale.phase(moment) == phase}, (moment, phase)


def test_pending_and_overdue__count_unpaid_orders(order: Order) -> None:
    assert pending_orders() == 1
    assert overdue_orders(order.expires_at + timedelta(seconds=59)) == 0
    assert overdue_orders(order.expires_at + timedelta(seconds=60)) == 1


def test_paid_order__is_no_longer_pending(paid_order: Order) -> None:
    assert pending_orders() == 0
    assert overdue_orders(paid_order.expires_at + timedelta(days=1)) == 0


def test_inventory__sums_the_live_sales_of_a_product(user: User) -> None:
    offer = new_offer(stock=100)
    flash = new_sale(offer=offer, stock=10, buckets=2)
    new_sale(offer=offer, ends_at=timezone.now() - timedelta(minutes=1))
    new_order(user, flash, quantity=3)

    [row] = inventory_of_live_sales(timezone.now())

    assert (row.product, row.title, row.available, row.total) == (offer.public_id, offer.title, 107, 110)


def test_inventory__is_bounded_and_shows_flash_sales_first(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    flash = new_sale()
    for _ in range(3):
        new_offer(stock=1)

    with django_assert_num_queries(1):
        rows = inventory_of_live_sales(timezone.now(), limit=2)

    assert len(rows) == 2
    assert rows[0].product == flash.offer.public_id
