"""The door for crowds beside the ordinary one: the same answers, fewer transactions."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import User
from accounts.services import issue_token
from conftest import MakeUser
from coupon_site.api.doors import Observe
from coupon_site.models import IdempotencyRecord
from coupon_site.tests.asgi import Reply, call
from orders.api.burst import BurstDoor, writer
from orders.api.burst.wishes import PATH, Wish, wish_of
from orders.models import FlashSale, Offer, Order
from orders.services import close_sale, rebuild_gate, stock
from orders.services.stock import StockChanged
from orders.tests.conftest import Books
from orders.tests.factories import new_offer, new_sale

pytestmark = pytest.mark.django_db(transaction=True)

OWN = {"id", "number", "lines", "created_at", "expires_at"}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that were settled."""
    sizes: list[int] = []
    settle = writer.settle

    def counting(batch: list[Wish]) -> Any:
        sizes.append(len(batch))
        return settle(batch)

    monkeypatch.setattr(writer, "settle", counting)
    return sizes


@pytest.fixture
def token(user: User) -> str:
    return issue_token(user=user, name="test")[1]


@pytest.fixture
async def open_door() -> AsyncIterator[Callable[[Observe], BurstDoor]]:
    doors: list[BurstDoor] = []

    def make(observe: Observe) -> BurstDoor:
        doors.append(BurstDoor(get_asgi_application(), observe=observe))
        return doors[-1]

    yield make
    for door in doors:
        await sync_to_async(door.writer.stop)()
    await sync_to_async(connections.close_all)()


@pytest.fixture
def door(open_door: Callable[[Observe], BurstDoor]) -> BurstDoor:
    return open_door(lambda *_: None)


def order_of(sale: FlashSale, **more: Any) -> dict[str, Any]:
    return {"lines": [{"sale": str(sale.public_id), "quantity": 1, **more}]}


async def post(
    app: Any, body: Any, *, token: str = "", key: str | None = None, headers: dict[str, str] | None = None
) -> Reply:
    sent = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    if key != "":
        sent["idempotency-key"] = key or str(uuid4())
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await call(app, "POST", PATH, headers=sent | (headers or {}), body=raw)


async def test_order__is_answered_as_at_the_ordinary_door(
    door: BurstDoor, token: str, counted: list[int], sale: FlashSale
) -> None:
    quick = await post(door, order_of(sale, quantity=2), token=token)
    plain = await post(door.ordinary, order_of(sale, quantity=2), token=token)

    assert (quick.status, plain.status, counted) == (201, 201, [1]), plain.body
    assert quick.headers.keys() == plain.headers.keys()
    assert {k: v for k, v in quick.json().items() if k not in OWN} == {
        k: v for k, v in plain.json().items() if k not in OWN
    }
    assert quick.json()["lines"][0].keys() == plain.json()["lines"][0].keys()
    assert {"content-length", "x-request-id"} == {
        name for name in quick.headers if quick.headers[name] != plain.headers[name]
    } | {"content-length"}


@sync_to_async
def in_two_currencies() -> list[Offer]:
    return [new_offer(currency=currency) for currency in ("GBP", "EUR")]


async def test_refusals__are_those_of_the_ordinary_door(door: BurstDoor, token: str, counted: list[int]) -> None:
    make = sync_to_async(new_sale)
    over = await make()
    await sync_to_async(close_sale)(sale=over, at=over.starts_at)
    wishes = [
        order_of(await make(stock=1), quantity=2),
        order_of(await make(per_buyer_limit=1), quantity=2),
        order_of(over),
        {"lines": [{"sale": str(uuid4())}]},
        {"lines": [{"sale": str((await make(offer=offer)).public_id)} for offer in await in_two_currencies()]},
    ]

    for wish in wishes:
        quick, plain = await post(door, wish, token=token), await post(door.ordinary, wish, token=token)
        assert (quick.status, quick.json()) == (plain.status, plain.json())
        assert quick.headers.keys() == plain.headers.keys()
        assert quick.status in {404, 409, 400}
    assert counted == [1] * len(wishes)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"body": b"{"}, 400),
        ({"body": {"lines": []}}, 400),
        ({"body": {"lines": "all"}}, 400),
        ({"body": {"lines": [{"sale": "x"}]}}, 400),
        ({"more": {"quantity": "1"}}, 201),
        ({"more": {"quantity": True}}, 400),
        ({"more": {"quantity": 0}}, 400),
        ({"more": {"colour": "red"}}, 400),
        ({"top": {"colour": "red"}}, 400),
        ({"top": {"payment_method": "gold"}}, 400),
        ({"top": {"payment_method": ["card"]}}, 400),
        ({"token": "cs_unknown"}, 401),
        ({"key": ""}, 400),
        ({"key": "ü"}, 400),
        ({"headers": {"content-type": "text/plain"}}, 415),
    ],
    ids=str,
)
async def test_whatever_is_unusual__is_seen_to_by_the_ordinary_door(
    door: BurstDoor, token: str, sale: FlashSale, change: dict[str, Any], status: int
) -> None:
    body = change.get("body", {**order_of(sale, **change.get("more", {})), **change.get("top", {})})
    options = {"token": token, **{name: change[name] for name in ("token", "key", "headers") if name in change}}

    quick, plain = await post(door, body, **options), await post(door.ordinary, body, **options)

    assert (quick.status, plain.status) == (status, status)
    assert status == 201 or quick.json() == plain.json()


async def test_crowd__is_settled_together_and_buys_no_more_than_there_is(
    door: BurstDoor, make_user: MakeUser, counted: list[int], broken: Books
) -> None:
    sale = await sync_to_async(new_sale)(stock=30)
    tokens = [await sync_to_async(lambda: issue_token(user=make_user(), name="t")[1])() for _ in range(50)]

    replies = await asyncio.gather(*(post(door, order_of(sale), token=token) for token in tokens))

    assert Counter(reply.code() for reply in replies) == {"reserved": 30, "sold_out": 20}
    assert sum(counted) == 50
    assert len(counted) < 25
    assert await sync_to_async(broken)() == {}


async def test_same_key_at_once__is_one_order(door: BurstDoor, token: str, sale: FlashSale) -> None:
    replies = await asyncio.gather(*(post(door, order_of(sale), token=token, key="once") for _ in range(8)))

    assert {reply.status for reply in replies} <= {201, 409}
    assert len({reply.json()["id"] for reply in replies if reply.status == 201}) == 1
    assert await Order.objects.acount() == await IdempotencyRecord.objects.acount() == 1


async def test_same_key_later__gets_the_same_answer_at_either_door(
    door: BurstDoor, token: str, sale: FlashSale
) -> None:
    first = await post(door, order_of(sale), token=token, key="once")

    again = [await post(app, order_of(sale), token=token, key="once") for app in (door, door.ordinary)]
    other = await post(door, order_of(sale, quantity=2), token=token, key="once")

    assert [(reply.status, reply.body) for reply in again] == [(201, first.body)] * 2
    assert {reply.headers["idempotency-replayed"] for reply in again} == {"true"}
    assert (other.status, other.code()) == (422, "idempotency_key_reused")


async def test_throttle__counts_both_doors_in_one_history(
    door: BurstDoor, token: str, sale: FlashSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "user", "3/min")

    statuses = [(await post(app, order_of(sale), token=token)).status for app in (door, door.ordinary, door, door)]

    assert statuses == [201, 201, 201, 429]


async def test_batch_that_fails__is_seen_to_by_the_ordinary_door(
    door: BurstDoor, token: str, sale: FlashSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("the batch is lost")

    monkeypatch.setattr(writer, "place_in_turn", fail)

    assert (await post(door, order_of(sale), token=token)).status == 201
    assert await Order.objects.acount() == 1


async def test_batch_that_read_what_has_changed__is_settled_again_as_a_whole(
    door: BurstDoor, token: str, monkeypatch: pytest.MonkeyPatch, broken: Books
) -> None:
    sale, take, failures = await sync_to_async(new_sale)(stock=1), stock.take_stock, iter([True])
    await sync_to_async(rebuild_gate)(at=timezone.now())

    def changing(*arguments: Any, **options: Any) -> None:
        take(*arguments, **options)
        if next(failures, False):
            raise StockChanged

    monkeypatch.setattr(stock, "take_stock", changing)

    replies = [await post(door, order_of(sale), token=token, key="once") for _ in range(2)]

    assert [reply.status for reply in replies] == [201, 201]
    assert await Order.objects.acount() == await IdempotencyRecord.objects.acount() == 1
    assert await sync_to_async(broken)() == {}


@pytest.mark.parametrize("size", [1, 20])
def test_statements__are_as_many_for_one_as_for_many(
    make_user: MakeUser, django_assert_num_queries: DjangoAssertNumQueries, size: int
) -> None:
    sale = new_sale(stock=size)
    wishes = asyncio.run(gather_wishes([issue_token(user=make_user(), name="t")[1] for _ in range(size)], sale))

    # Tokens; begin, keys, answers known, the six of a reservation, answers kept, commit.
    with django_assert_num_queries(12):
        answers = writer.settle(wishes)

    assert [answer and answer.status for answer in answers] == [201] * size


async def gather_wishes(tokens: list[str], sale: FlashSale) -> list[Wish]:
    wishes = [
        wish_of(
            {
                b"authorization": f"Bearer {token}".encode(),
                b"idempotency-key": b"k",
                b"content-type": b"application/json; charset=utf-8",
            },
            json.dumps(order_of(sale)).encode(),
        )
        for token in tokens
    ]
    return [wish for wish in wishes if wish]


async def test_request_id__reaches_the_answer_and_the_count(
    open_door: Callable[[Observe], BurstDoor], token: str, sale: FlashSale
) -> None:
    seen: list[tuple[Any, ...]] = []
    door = open_door(lambda *call: seen.append(call))

    reply = await post(door, order_of(sale), token=token, headers={"x-request-id": "from-the-shop-1"})

    [(method, path, status, seconds, request_id)] = seen
    assert reply.headers["x-request-id"] == request_id == "from-the-shop-1"
    assert (method, path, status) == ("POST", PATH, 201)
    assert seconds > 0
