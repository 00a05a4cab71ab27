"""Buyers at the same instant, on real connections."""

from collections import Counter
from collections.abc import Callable, Iterable
from threading import Barrier

import pytest
from django.utils import timezone

from accounts.models import User
from conftest import MakeUser
from orders.models import FlashSale, Order, OrderLine, SaleStock
from orders.services import expire_orders, reserve, stock
from orders.services.stock import StockBook
from orders.tests.conftest import Books
from orders.tests.factories import new_order, new_sale, request_of
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sale_of_one() -> FlashSale:
    return new_sale(stock=1)


@pytest.fixture
def unguarded_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read, decide, write back what was read plus what was taken: no lock, no condition, and both read first."""
    both_have_read = Barrier(2, timeout=10)

    def take(sale_ids: Iterable[int], decide: Callable[[StockBook], None]) -> None:
        buckets = list(SaleStock.objects.filter(sale__in=set(sale_ids)))
        book = StockBook(buckets)
        decide(book)
        both_have_read.wait()
        for bucket in buckets:
            SaleStock.objects.filter(pk=bucket.pk).update(reserved=bucket.reserved + book.taken[bucket.pk])

    monkeypatch.setattr(stock, "take_stock", take)


def buy_at_once(*wishes: tuple[User, FlashSale]) -> list[str]:
    """The answers to single orders placed at the same instant, sorted."""

    def buy(buyer: User, sale: FlashSale) -> str:
        [answer] = reserve(requests=[request_of(buyer, sale)], at=timezone.now())
        return "reserved" if isinstance(answer, Order) else answer.code

    answers = at_once([lambda wish=wish: buy(*wish) for wish in wishes])
    return sorted(str(answer) for answer in answers)


def test_without_the_guard__the_race_is_real(
    make_user: MakeUser, sale_of_one: FlashSale, unguarded_stock: None
) -> None:
    """The control: if this fails, the next test proves nothing."""
    assert buy_at_once((make_user(), sale_of_one), (make_user(), sale_of_one)) == ["reserved", "reserved"]

    assert OrderLine.objects.count() == 2
    assert sale_of_one.stock.get().total == 1


def test_with_the_guard__one_buyer_wins(make_user: MakeUser, sale_of_one: FlashSale, broken: Books) -> None:
    assert buy_at_once((make_user(), sale_of_one), (make_user(), sale_of_one)) == ["reserved", "sold_out"]

    assert OrderLine.objects.count() == sale_of_one.stock.get().reserved == 1
    assert broken() == {}


def test_one_buyer_twice__has_no_more_than_the_limit(user: User, broken: Books) -> None:
    sale = new_sale(stock=10, per_buyer_limit=1)

    assert buy_at_once((user, sale), (user, sale)) == ["limit_reached", "reserved"]

    assert broken() == {}


def test_crowd_on_two_sales__sells_what_there_is_and_never_deadlocks(make_user: MakeUser, broken: Books) -> None:
    sales = [new_sale(stock=7), new_sale(stock=5)]
    buyers = [make_user() for _ in range(8)]

    def shop(number: int) -> Counter[str]:
        # Each names the sales in another order: whoever locked them as named would meet the others head-on.
        wishes = [request_of(buyers[number], sales[(number + turn) % 2]) for turn in range(4)]
        return Counter(type(answer).__name__ for answer in reserve(requests=wishes, at=timezone.now()))

    answers = at_once([lambda number=number: shop(number) for number in range(8)])

    total: Counter[str] = Counter()
    for answer in answers:
        assert isinstance(answer, Counter), answer
        total += answer
    assert total == {"Order": 12, "SoldOut": 20}
    assert broken() == {}


def test_expiry_beside_reservations__keeps_the_books(make_user: MakeUser, broken: Books) -> None:
    sale = new_sale(stock=20)
    orders = [new_order(make_user(), sale) for _ in range(20)]
    late = max(order.expires_at for order in orders)
    buyers = [make_user() for _ in range(4)]

    def buy(buyer: User) -> int:
        answers = [
            answer for _ in range(5) for answer in reserve(requests=[request_of(buyer, sale)], at=timezone.now())
        ]
        return sum(isinstance(answer, Order) for answer in answers)

    answers = at_once(
        [lambda: expire_orders(at=late, limit=10)] * 2 + [lambda buyer=buyer: buy(buyer) for buyer in buyers]
    )

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert sum(answer for answer in answers[:2] if isinstance(answer, int)) == 20
    assert Order.objects.filter(state="expired").count() == 20
    assert broken() == {}
