from datetime import timedelta

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conftest import MakeUser
from coupon_site.models import StateChange
from events.models import OutboxEvent
from orders.models import BuyerAllowance, FlashSale, HoldState, Order, OrderState
from orders.services import cancel_order, expire_orders
from orders.tests.conftest import Books
from orders.tests.factories import new_order, new_sale
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db


def test_hold_run_out__gives_stock_and_allowance_back(order: Order, sale: FlashSale, broken: Books) -> None:
    assert expire_orders(at=order.expires_at) == 1

    order.refresh_from_db()
    change = StateChange.objects.get(object_id=order.public_id)
    assert order.state == OrderState.EXPIRED
    assert sale.stock.get().reserved == 0
    assert order.lines.get().hold.state == HoldState.RELEASED
    assert BuyerAllowance.objects.get().quantity == 0
    assert (change.from_state, change.to_state, change.actor) == ("reserved", "expired", None)
    assert OutboxEvent.objects.filter(event_type="order.expired", aggregate_id=str(order.public_id)).count() == 1
    assert broken() == {}


def test_hold_still_running__stays(order: Order, sale: FlashSale) -> None:
    assert expire_orders(at=order.expires_at - timedelta(microseconds=1)) == 0

    order.refresh_from_db()
    assert order.state == OrderState.RESERVED
    assert sale.stock.get().reserved == 2


def test_paid_order__never_expires(paid_order: Order, sale: FlashSale) -> None:
    assert expire_orders(at=paid_order.expires_at + timedelta(days=1)) == 0

    assert sale.stock.get().sold == 2


@pytest.mark.parametrize("size", [1, 15])
def test_statements__are_as_many_for_one_as_for_many(
    make_user: MakeUser, django_assert_num_queries: DjangoAssertNumQueries, size: int, broken: Books
) -> None:
    orders = [new_order(make_user(), new_sale(), new_sale()) for _ in range(size)]
    late = max(order.expires_at for order in orders)

    # Savepoint; orders, lines; holds, buckets, both moved; units, allowances; orders, history, event, message; release.
    with django_assert_num_queries(14):
        assert expire_orders(at=late) == size

    assert broken() == {}


def test_more_than_the_limit__the_oldest_go_first(user: User, sale: FlashSale) -> None:
    orders = [new_order(user, sale) for _ in range(3)]

    assert expire_orders(at=orders[-1].expires_at, limit=2) == 2

    assert [order.state for order in Order.objects.order_by("id")] == ["expired", "expired", "reserved"]


@pytest.mark.django_db(transaction=True)
def test_order_in_other_hands__waits_for_the_next_time(user: User, sale: FlashSale) -> None:
    held, free = new_order(user, sale), new_order(user, sale)

    with transaction.atomic():
        Order.objects.select_for_update().get(pk=held.pk)
        [expired] = at_once([lambda: expire_orders(at=free.expires_at)])

    assert expired == 1
    assert [order.state for order in Order.objects.order_by("id")] == ["reserved", "expired"]
    assert connection.in_atomic_block is False


@pytest.mark.django_db(transaction=True)
def test_expiry_and_cancellation_at_once__one_of_them_wins(order: Order, user: User, broken: Books) -> None:
    answers = at_once([lambda: expire_orders(at=order.expires_at), lambda: cancel_order(order=order, actor=user)])

    order.refresh_from_db()
    assert order.state in {"expired", "cancelled"}
    assert (order.state == "expired") == (answers[0] == 1)
    assert StateChange.objects.filter(object_id=order.public_id).count() == 1
    assert broken() == {}
