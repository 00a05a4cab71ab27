from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conftest import MakeUser
from coupon_site.errors import DomainError
from events.models import OutboxEvent, OutboxMessage
from flags import override_flags
from orders.errors import LimitReached, MixedCurrencies, SaleBusy, SaleClosed, SaleUnknown
from orders.models import BuyerAllowance, FlashSale, Hold, HoldState, Order, OrderLine, OrderState
from orders.services import LineRequest, ReserveRequest, close_sale, reserve, stock
from orders.services.stock import StockChanged
from orders.services.terms import Terms, terms_of
from orders.tests.conftest import Books
from orders.tests.factories import new_offer, new_sale, request_of

pytestmark = pytest.mark.django_db


def codes(answers: list[Order | DomainError]) -> list[str]:
    return ["reserved" if isinstance(answer, Order) else answer.code for answer in answers]


def test_stock_left__is_held_with_terms_of_the_moment(user: User, sale: FlashSale, broken: Books) -> None:
    at = timezone.now()

    [order] = reserve(requests=[request_of(user, sale, quantity=3)], at=at)

    assert isinstance(order, Order)
    order.refresh_from_db()
    line = order.lines.get()
    bucket = sale.stock.get()
    assert (order.state, order.buyer, order.currency, order.total_minor) == ("reserved", user, "GBP", 3000)
    assert (order.created_at, order.expires_at) == (at, at + timedelta(seconds=900))
    assert (line.sale, line.quantity, line.unit_minor, line.line_total_minor) == (sale, 3, 1000, 3000)
    assert (line.hold.stock, line.hold.quantity, line.hold.state) == (bucket, 3, HoldState.HELD)
    assert (bucket.reserved, bucket.sold) == (3, 0)
    assert BuyerAllowance.objects.get(sale=sale, buyer=user).quantity == 3
    assert broken() == {}


def test_reserved_order__is_announced_to_its_buyer_and_to_handlers(user: User, sale: FlashSale) -> None:
    [order] = reserve(requests=[request_of(user, sale, quantity=2)], at=timezone.now())

    event = OutboxEvent.objects.get()
    assert isinstance(order, Order)
    assert (event.channel, event.event_type, event.aggregate_id) == (
        "events:orders",
        "order.reserved",
        str(order.public_id),
    )
    assert f"user:{user.public_id}" in event.audience
    message = OutboxMessage.objects.get(handler="orders.handlers.start_payment")
    assert message.payload == {
        "order": str(order.public_id),
        "number": order.number,
        "buyer": str(user.public_id),
        "merchant": str(sale.offer.merchant.public_id),
        "total_minor": 2000,
        "currency": "GBP",
        "state": "reserved",
        "quantity": 2,
    }


def test_several_sales__make_one_order_of_several_lines(user: User, broken: Books) -> None:
    sales = [new_sale(price_minor=price) for price in (100, 200)]
    lines = tuple(LineRequest(sale=sale.public_id, quantity=2) for sale in sales)

    [order] = reserve(requests=[ReserveRequest(buyer=user, lines=lines)], at=timezone.now())

    assert isinstance(order, Order)
    assert order.total_minor == 600
    assert [line.line_total_minor for line in order.lines.all()] == [200, 400]
    assert OutboxMessage.objects.get().payload["merchant"] is None
    assert broken() == {}


def test_one_line_sold_out__nothing_of_the_order_is_taken(user: User, sale: FlashSale, broken: Books) -> None:
    empty = new_sale(stock=1)
    lines = (LineRequest(sale=sale.public_id, quantity=1), LineRequest(sale=empty.public_id, quantity=2))

    answers = reserve(requests=[ReserveRequest(buyer=user, lines=lines)], at=timezone.now())

    assert codes(answers) == ["sold_out"]
    assert sale.stock.get().reserved == 0
    assert not Order.objects.exists()
    assert not OutboxMessage.objects.exists()
    assert broken() == {}


def test_more_wanted_than_there_is__first_come_first_served(make_user: MakeUser, broken: Books) -> None:
    sale = new_sale(stock=5)
    requests = [request_of(make_user(), sale, quantity=quantity) for quantity in (2, 4, 2, 1, 1)]

    answers = reserve(requests=requests, at=timezone.now())

    # The second asks for more than is left, those behind it for less.
    assert codes(answers) == ["reserved", "sold_out", "reserved", "reserved", "sold_out"]
    assert [answer.buyer for answer in answers if isinstance(answer, Order)] == [requests[i].buyer for i in (0, 2, 3)]
    assert sale.stock.get().reserved == 5
    assert broken() == {}


def test_same_sale_in_two_lines__their_demand_is_summed(user: User, broken: Books) -> None:
    sale = new_sale(stock=3, per_buyer_limit=3)
    twice = (LineRequest(sale=sale.public_id, quantity=2),) * 2

    answers = reserve(requests=[ReserveRequest(buyer=user, lines=twice)], at=timezone.now())

    assert codes(answers) == ["limit_reached"]
    assert broken() == {}


def test_limit__counts_what_the_buyer_has_and_what_the_batch_gives(user: User, broken: Books) -> None:
    sale = new_sale(stock=10, per_buyer_limit=4)
    reserve(requests=[request_of(user, sale, quantity=1)], at=timezone.now())

    answers = reserve(requests=[request_of(user, sale, quantity=quantity) for quantity in (2, 2, 1)], at=timezone.now())

    assert codes(answers) == ["reserved", "limit_reached", "reserved"]
    refusal = answers[1]
    assert isinstance(refusal, LimitReached)
    assert refusal.context == {"sale": sale.public_id, "left": 1}
    assert broken() == {}


def test_closed_sale__is_refused(user: User, sale: FlashSale) -> None:
    close_sale(sale=sale, at=timezone.now())

    [answer] = reserve(requests=[request_of(user, sale)], at=timezone.now())

    assert isinstance(answer, SaleClosed)


def test_window__begins_with_its_first_instant_and_ends_before_its_last(user: User, sale: FlashSale) -> None:
    assert sale.ends_at is not None
    moments = [
        sale.starts_at - timedelta(microseconds=1),
        sale.starts_at,
        sale.ends_at - timedelta(microseconds=1),
        sale.ends_at,
    ]

    answers = [reserve(requests=[request_of(user, sale)], at=moment)[0] for moment in moments]

    assert codes(answers) == ["sale_closed", "reserved", "reserved", "sale_closed"]


def test_unknown_and_unpublished_sales__are_not_there(user: User, sale: FlashSale) -> None:
    hidden = new_sale(offer=new_offer(is_published=False))
    unknown = ReserveRequest(buyer=user, lines=(LineRequest(sale=uuid4(), quantity=1),))

    answers = reserve(requests=[unknown, request_of(user, hidden), request_of(user, sale)], at=timezone.now())

    assert [type(answer) for answer in answers] == [SaleUnknown, SaleUnknown, Order]


def test_two_currencies__are_refused(user: User, sale: FlashSale) -> None:
    other = new_sale(offer=new_offer(currency="EUR"))
    lines = tuple(LineRequest(sale=each.public_id, quantity=1) for each in (sale, other))

    [answer] = reserve(requests=[ReserveRequest(buyer=user, lines=lines)], at=timezone.now())

    assert isinstance(answer, MixedCurrencies)


def test_sales_switched_off__closes_for_everyone(user: User, sale: FlashSale) -> None:
    with override_flags({"checkout.sales_open": False}):
        [answer] = reserve(requests=[request_of(user, sale)], at=timezone.now())

    assert isinstance(answer, SaleClosed)
    assert not Order.objects.exists()


def test_no_unit_at_all__can_not_even_be_asked_for(sale: FlashSale) -> None:
    with pytest.raises(ValueError, match="one unit"):
        LineRequest(sale=sale.public_id, quantity=0)


def test_hot_sale__gives_from_every_bucket(user: User, broken: Books) -> None:
    sale = new_sale(stock=5, buckets=2, per_buyer_limit=99)

    answers = reserve(requests=[request_of(user, sale, quantity=2) for _ in range(3)], at=timezone.now())

    assert codes(answers) == ["reserved", "reserved", "sold_out"]
    assert [bucket.reserved for bucket in sale.stock.order_by("bucket")] == [2, 2]
    assert broken() == {}


def test_bucket_that_runs_short__has_the_others_looked_at(user: User, broken: Books) -> None:
    sale = new_sale(stock=6, buckets=3, per_buyer_limit=99)

    answers = reserve(requests=[request_of(user, sale) for _ in range(7)], at=timezone.now())

    assert codes(answers) == ["reserved"] * 6 + ["sold_out"]
    assert broken() == {}


def test_statements_of_a_spread_sale__are_no_more(
    make_user: MakeUser, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sale = new_sale(stock=100, buckets=4)
    requests = [request_of(make_user(), sale) for _ in range(20)]

    with django_assert_num_queries(10):
        assert codes(reserve(requests=requests, at=timezone.now())) == ["reserved"] * 20


@pytest.mark.parametrize("size", [1, 20])
def test_statements_of_one_sale__are_as_many_for_one_as_for_many(
    make_user: MakeUser, django_assert_num_queries: DjangoAssertNumQueries, size: int
) -> None:
    sale = new_sale(stock=size)
    requests = [request_of(make_user(), sale) for _ in range(size)]

    # Savepoint, terms with stock and allowances; stock and allowances taken; orders, events, messages; release.
    with django_assert_num_queries(8):
        answers = reserve(requests=requests, at=timezone.now())

    assert codes(answers) == ["reserved"] * size


@pytest.mark.parametrize("size", [3, 20])
def test_statements__are_as_many_for_few_as_for_many(
    make_user: MakeUser, django_assert_num_queries: DjangoAssertNumQueries, size: int
) -> None:
    sales = [new_sale(stock=100) for _ in range(3)]
    requests = [request_of(make_user(), sales[number % 3]) for number in range(size)]

    # Savepoint, terms, stock, allowances; stock and allowances taken; orders, events, messages; release.
    with django_assert_num_queries(10):
        answers = reserve(requests=requests, at=timezone.now())

    assert codes(answers) == ["reserved"] * size


def test_stock_that_changes_in_between__is_read_again(
    user: User, sale: FlashSale, monkeypatch: pytest.MonkeyPatch, broken: Books
) -> None:
    take, failures = stock.take_stock, iter([True, True])

    def changing(*arguments: Any, **options: bool) -> None:
        take(*arguments, **options)
        if next(failures, False):
            raise StockChanged

    monkeypatch.setattr(stock, "take_stock", changing)

    [answer] = reserve(requests=[request_of(user, sale)], at=timezone.now())

    assert isinstance(answer, Order)
    assert sale.stock.get().reserved == 1
    assert OrderLine.objects.count() == Hold.objects.count() == 1
    assert broken() == {}


@pytest.mark.parametrize("size", [1, 2])
def test_what_was_read_without_a_lock__is_found_out_when_it_is_taken(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch, broken: Books, size: int
) -> None:
    sale, buyer = new_sale(stock=2, per_buyer_limit=1), make_user()
    reserve(requests=[request_of(buyer, sale)], at=timezone.now())
    others = [request_of(make_user(), sale) for _ in range(size)]

    def outdated(*arguments: Any) -> Terms:
        terms = terms_of(*arguments)
        return Terms(terms.sales, [bucket._replace(available=9) for bucket in terms.buckets], {})

    monkeypatch.setattr("orders.services.reservation.terms_of", outdated)

    answers = reserve(requests=[request_of(buyer, sale), *others], at=timezone.now())

    assert codes(answers) == ["limit_reached", "reserved", "sold_out"][: size + 1]
    assert sale.stock.get().reserved == 2
    assert broken() == {}


def test_stock_that_never_rests__ends_in_a_refusal(
    user: User, sale: FlashSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(*arguments: object, **options: bool) -> None:
        raise StockChanged

    monkeypatch.setattr(stock, "take_stock", changing)

    [answer] = reserve(requests=[request_of(user, sale)], at=timezone.now())

    assert isinstance(answer, SaleBusy)
    assert not Order.objects.exists()


def test_counters__tell_orders_and_refusals_by_reason(user: User, django_capture_on_commit_callbacks: object) -> None:
    sale = new_sale(stock=1)
    before = (value("orders_created_total"), value("orders_refused_total", reason="sold_out"))

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        reserve(requests=[request_of(user, sale), request_of(user, sale)], at=timezone.now())

    assert (value("orders_created_total"), value("orders_refused_total", reason="sold_out")) == (
        before[0] + 1,
        before[1] + 1,
    )


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_numbers__are_for_people_and_differ(make_user: MakeUser, sale: FlashSale) -> None:
    answers = reserve(requests=[request_of(make_user(), sale) for _ in range(5)], at=timezone.now())

    numbers = {answer.number for answer in answers if isinstance(answer, Order)}
    assert len(numbers) == 5
    assert all(len(number) == 11 and number[5] == "-" for number in numbers)


def test_order_state__starts_reserved() -> None:
    assert Order().state == OrderState.RESERVED
