"""Buyers at the same instant, each in a process of their own."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.models import User
from conftest import MakeUser
from orders.models import BuyerAllowance, FlashSale, Order, OrderLine, SaleStock
from orders.services import LineRequest, ReserveRequest, expire_orders, reservation, reserve, stock
from orders.services.allowances import Pair
from orders.services.stock import StockBook
from orders.tests.conftest import Books
from orders.tests.factories import new_order, new_sale
from tests.crowd import Crowd, meet

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5
READY = threading.Event()


# --- In the processes -----------------------------------------------------------------------------------------------
def buy(*, buyer: int, sales: list[UUID]) -> list[str]:
    """A unit of each, every one an order of its own, in one transaction; the answers."""
    shopper = User.objects.get(pk=buyer)
    wishes = [ReserveRequest(buyer=shopper, lines=(LineRequest(sale=sale, quantity=1),)) for sale in sales]
    answers = reserve(requests=wishes, at=timezone.now())
    return ["reserved" if isinstance(answer, Order) else answer.code for answer in answers]


def expire(*, at: datetime) -> int:
    return expire_orders(at=at, limit=10)


def unguarded_stock() -> None:
    """Read, decide, write back what was read plus what was taken: no lock, no condition, and all read first."""

    def take(sale_ids: Iterable[int], decide: Callable[[StockBook], None], **_: object) -> None:
        buckets = list(SaleStock.objects.filter(sale__in=set(sale_ids)))
        book = StockBook(buckets)
        decide(book)
        meet()
        for bucket in buckets:
            SaleStock.objects.filter(pk=bucket.pk).update(reserved=bucket.reserved + book.taken[bucket.pk])

    stock.take_stock = take


def unguarded_allowance() -> None:
    """The count is written as it was read, and nothing keeps two readers of it apart."""

    def take(demand: Mapping[Pair, int], limits: Mapping[int, int]) -> None:
        BuyerAllowance.objects.bulk_create(
            [
                BuyerAllowance(sale_id=sale, buyer_id=buyer, quantity=quantity, limit=limits[sale])
                for (sale, buyer), quantity in demand.items()
            ],
            update_conflicts=True,
            unique_fields=["sale", "buyer"],
            update_fields=["quantity", "limit"],
        )

    unguarded_stock()
    reservation.take_allowances = take


# --- The last unit --------------------------------------------------------------------------------------------------
def buyers_of(sale: FlashSale, *buyers: User) -> list[partial[list[str]]]:
    return [partial(buy, buyer=buyer.pk, sales=[sale.public_id]) for buyer in buyers]


def test_without_the_guard__the_race_is_real(crowd: Crowd, make_user: MakeUser) -> None:
    """The control: if this fails, the next test proves nothing."""
    sale = new_sale(stock=1)

    answers = crowd.at_once(*buyers_of(sale, make_user(), make_user()), unguard=unguarded_stock)

    assert answers == [["reserved"], ["reserved"]]
    assert OrderLine.objects.count() == 2
    assert sale.stock.get().total == 1


def test_with_the_guard__one_buyer_wins(crowd: Crowd, make_user: MakeUser, broken: Books) -> None:
    for _ in range(ROUNDS):
        sale = new_sale(stock=1)

        answers = crowd.at_once(*buyers_of(sale, make_user(), make_user(), make_user()))

        assert sorted(answers) == [["reserved"], ["sold_out"], ["sold_out"]]
        assert sale.lines.count() == sale.stock.get().reserved == 1
    assert broken() == {}


# --- The buyer's share ----------------------------------------------------------------------------------------------
def test_without_the_allowance__a_buyer_has_more_than_the_limit(crowd: Crowd, user: User, broken: Books) -> None:
    """The control: if this fails, the next test proves nothing."""
    sale = new_sale(per_buyer_limit=1)

    assert crowd.at_once(*buyers_of(sale, user, user), unguard=unguarded_allowance) == [["reserved"], ["reserved"]]

    assert broken()["orders_allowances_against_holds"] == 1


def test_one_buyer_twice__has_no_more_than_the_limit(crowd: Crowd, user: User, broken: Books) -> None:
    for _ in range(ROUNDS):
        sale = new_sale(per_buyer_limit=1)

        assert sorted(crowd.at_once(*buyers_of(sale, user, user))) == [["limit_reached"], ["reserved"]]

    assert broken() == {}


# --- Crowds ---------------------------------------------------------------------------------------------------------
def test_crowd_on_two_sales__sells_what_there_is_and_never_deadlocks(
    crowd: Crowd, make_user: MakeUser, broken: Books
) -> None:
    first, second = new_sale(stock=7).public_id, new_sale(stock=5).public_id

    # Each names the sales in another order: whoever locked them as named would meet the others head-on.
    orders = [[first, second] * 2, [second, first] * 2] * 4
    answers = crowd.at_once(*[partial(buy, buyer=make_user().pk, sales=sales) for sales in orders])

    assert sum(map(Counter, answers), Counter()) == {"reserved": 12, "sold_out": 20}
    assert broken() == {}


def settle_the_other_way_round(first: int, second: int) -> None:
    """Two messages in one transaction; the second one is about what a buyer has locked meanwhile."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '60s'")  # the buyer finds out first, and loses
            stock.lock_buckets(SaleStock.objects.filter(sale=second))
            READY.set()
            while not waiting_for_rows(cursor):
                time.sleep(0.01)
            stock.lock_buckets(SaleStock.objects.filter(sale=first))
    finally:
        connection.close()


def waiting_for_rows(cursor: CursorWrapper) -> bool:
    """Whether somebody in this database does."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND locktype = 'transactionid' AND datname = current_database())"
    )
    return bool(cursor.fetchone()[0])


def test_worker_that_locks_the_other_way_round__costs_no_order(make_user: MakeUser, broken: Books) -> None:
    first, second = new_sale(), new_sale()

    with ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        worker = pool.submit(settle_the_other_way_round, first.pk, second.pk)
        assert READY.wait(60)
        cursor.execute("SET deadlock_timeout = '5s'")  # looked for once, and by then the worker waits, too
        answers = buy(buyer=make_user().pk, sales=[first.public_id, second.public_id])
        cursor.execute("RESET deadlock_timeout")
        worker.result()

    assert answers == ["reserved", "reserved"]
    assert broken() == {}


def test_expiry_beside_reservations__keeps_the_books(crowd: Crowd, make_user: MakeUser, broken: Books) -> None:
    sale = new_sale(stock=20)
    orders = [new_order(make_user(), sale) for _ in range(20)]
    late = max(order.expires_at for order in orders)

    sweeps = [partial(expire, at=late)] * 2
    buyers = [partial(buy, buyer=make_user().pk, sales=[sale.public_id] * 5) for _ in range(4)]
    answers = crowd.at_once(*sweeps, *buyers)

    assert answers[:2] == [10, 10]
    assert Order.objects.filter(state="expired").count() == 20
    assert broken() == {}
