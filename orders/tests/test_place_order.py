from datetime import datetime, timedelta

import pytest
import redis
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from conftest import MakeUser
from orders.errors import LimitReached, SaleClosed, SoldOut
from orders.gate import gate, key_of
from orders.models import FlashSale, Order
from orders.services import LineRequest, ReserveRequest, expire_orders, place_order, rebuild_gate
from orders.tests.factories import new_order, new_sale, request_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def tokens(sale: FlashSale) -> int | None:
    answer = gate().client.hget(key_of(sale.public_id), "tokens")
    return None if answer is None else int(answer)


def test_open_sale__takes_tokens_and_stock(user: User, sale: FlashSale, now: datetime) -> None:
    rebuild_gate(at=now)

    order = place_order(request=request_of(user, sale, quantity=3), at=now)

    assert order.state == "reserved"
    assert tokens(sale) == sale.stock.get().available == 7


def test_no_tokens_left__is_refused_without_asking_the_database(
    make_user: MakeUser, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sale = new_sale(stock=1)
    new_order(make_user(), sale)
    rebuild_gate(at=now)
    request = request_of(make_user(), sale)

    with django_assert_num_queries(0), pytest.raises(SoldOut) as refusal:
        place_order(request=request, at=now)

    assert refusal.value.context == {"sale": sale.public_id}


def test_closed_window__is_refused_without_asking_the_database(
    user: User, sale: FlashSale, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rebuild_gate(at=now)
    assert sale.ends_at is not None
    request = request_of(user, sale)

    with django_assert_num_queries(0), pytest.raises(SaleClosed):
        place_order(request=request, at=sale.ends_at)
    with django_assert_num_queries(0), pytest.raises(SaleClosed):
        place_order(request=request, at=sale.starts_at - timedelta(milliseconds=1))


def test_sale_the_gate_does_not_know__is_decided_by_the_database(user: User, sale: FlashSale, now: datetime) -> None:
    assert tokens(sale) is None

    order = place_order(request=request_of(user, sale), at=now)

    assert order.state == "reserved"
    assert tokens(sale) is None


def test_database_refuses__tokens_come_back(user: User, now: datetime) -> None:
    sale = new_sale(stock=5, per_buyer_limit=1)
    rebuild_gate(at=now)

    with pytest.raises(LimitReached):
        place_order(request=request_of(user, sale, quantity=2), at=now)

    assert tokens(sale) == 5


def test_database_breaks__tokens_come_back(
    user: User, sale: FlashSale, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild_gate(at=now)
    monkeypatch.setattr("orders.services.reservation.write_orders", lambda granted, at: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        place_order(request=request_of(user, sale), at=now)

    assert tokens(sale) == 10


def test_one_of_two_sales_sold_out__no_token_is_taken(user: User, sale: FlashSale, now: datetime) -> None:
    empty = new_sale(stock=1)
    rebuild_gate(at=now)
    lines = (LineRequest(sale=sale.public_id, quantity=1), LineRequest(sale=empty.public_id, quantity=2))

    with pytest.raises(SoldOut) as refusal:
        place_order(request=ReserveRequest(buyer=user, lines=lines), at=now)

    assert refusal.value.context == {"sale": empty.public_id}
    assert (tokens(sale), tokens(empty)) == (10, 1)


def test_redis_away__the_database_decides_and_nobody_waits_twice(
    user: User, sale: FlashSale, now: datetime, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9"
    gate.cache_clear()

    first = place_order(request=request_of(user, sale), at=now)
    gate().enter_script = pytest.fail
    second = place_order(request=request_of(user, sale), at=now)

    assert (first.state, second.state) == ("reserved", "reserved")


def test_gate_that_says_too_much__the_database_has_the_last_word(make_user: MakeUser, now: datetime) -> None:
    sale = new_sale(stock=1)
    rebuild_gate(at=now)
    gate().client.hset(key_of(sale.public_id), "tokens", 99)
    place_order(request=request_of(make_user(), sale), at=now)

    with pytest.raises(SoldOut):
        place_order(request=request_of(make_user(), sale), at=now)

    assert Order.objects.count() == 1


def test_rebuild__follows_the_database_and_runs_out_by_itself(user: User, now: datetime) -> None:
    live, coming = new_sale(stock=2), new_sale(stock=3, starts_at=now + timedelta(seconds=30))
    over, far = new_sale(ends_at=now - timedelta(minutes=1)), new_sale(starts_at=now + timedelta(minutes=30))
    order = new_order(user, live, quantity=2)

    assert rebuild_gate(at=now) == 2
    assert [tokens(sale) for sale in (live, coming, over, far)] == [0, 3, None, None]
    assert 0 < gate().client.pttl(key_of(live.public_id)) <= 10_000

    expire_orders(at=order.expires_at)
    rebuild_gate(at=now)

    assert tokens(live) == 2


def test_rebuild_without_redis__fails_loudly(sale: FlashSale, now: datetime, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9"
    gate.cache_clear()

    with pytest.raises(redis.RedisError):
        rebuild_gate(at=now)
