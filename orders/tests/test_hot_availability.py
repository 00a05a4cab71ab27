"""Availability in front of Django: the same answers, for a crowd that asks Django four times a second."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import connections
from django.test import RequestFactory
from django.urls import resolve
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import User
from coupon_site.api.hot import HotDoor
from coupon_site.tests.asgi import Reply, call
from monitoring.routes import route_of
from orders.api.hot import SaleAvailability
from orders.models import FlashSale
from orders.tests.factories import new_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def door() -> AsyncIterator[HotDoor]:
    yield HotDoor(get_asgi_application(), reads=[SaleAvailability()], observe=lambda *_: None)
    await sync_to_async(connections.close_all)()


def path_of(sale: FlashSale) -> str:
    return f"/api/v1/sales/{sale.public_id}/availability/"


async def ask(app: object, path: str, **headers: str) -> Reply:
    return await call(app, "GET", path, headers=headers)


async def test_answer__is_that_of_the_ordinary_door(door: HotDoor, sale: FlashSale) -> None:
    first, kept = await ask(door, path_of(sale)), await ask(door, path_of(sale))
    plain = await ask(door.ordinary, path_of(sale))

    assert (first.status, kept.status, len(door.pages)) == (200, 200, 1)
    assert first.body == kept.body == plain.body
    assert first.headers.keys() == kept.headers.keys() == plain.headers.keys()
    assert {name for name in plain.headers if kept.headers[name] != plain.headers[name]} == {"x-request-id"}


async def test_units_that_were_sold__are_gone_a_moment_later(door: HotDoor, sale: FlashSale, user: User) -> None:
    assert (await ask(door, path_of(sale))).json()["available"] == 10
    await sync_to_async(new_order)(user, sale, quantity=3)

    [place] = door.pages
    door.pages[place] = door.pages[place]._replace(until=0.0)  # a quarter of a second later

    assert (await ask(door, path_of(sale))).json()["available"] == 7


async def test_unknown_sale__is_refused_each_time(door: HotDoor) -> None:
    path = f"/api/v1/sales/{uuid4()}/availability/"

    assert [(await ask(door, path)).status for _ in range(2)] == [404, 404]
    assert not door.pages


async def test_token_that_nobody_holds__is_refused(door: HotDoor, sale: FlashSale) -> None:
    await ask(door, path_of(sale))

    assert (await ask(door, path_of(sale), authorization="Bearer cs_unknown")).status == 401


async def test_address_that_asks_too_often__is_refused_in_the_end(
    door: HotDoor, sale: FlashSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "anon", "2/min")
    monkeypatch.setattr(SaleAvailability, "seconds", 60.0)

    # One by Django, two by the door, one more by Django; somebody else has a history of their own.
    assert [(await ask(door, path_of(sale))).status for _ in range(5)] == [200, 200, 200, 200, 429]


def test_count__goes_to_the_series_of_the_ordinary_door(sale: FlashSale) -> None:
    request = RequestFactory().get(path_of(sale))
    request.resolver_match = resolve(path_of(sale))

    assert route_of(request, 200) == (SaleAvailability.method, SaleAvailability.route)
