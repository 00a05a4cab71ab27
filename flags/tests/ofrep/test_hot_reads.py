"""The list and the bulk in front of Django: the same answers, evaluated once for all who may see the same."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import connections
from django.test import RequestFactory
from django.urls import resolve
from pytest_django import Settings
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import User
from accounts.services import issue_token, revoke_token
from conftest import MakeUser
from coupon_site.api.hot import HotDoor
from coupon_site.tests.asgi import Reply, call
from flags.current import current
from flags.hot import FlagBulk, FlagList
from flags.ofrep.callers import callers
from flags.tests.ofrep.samples import Serve
from monitoring.routes import route_of

pytestmark = pytest.mark.django_db(transaction=True)

LIST, BULK = FlagList.route, FlagBulk.route
FLAGS = {"shop.new": {"enabled": True}, "shop.secret": {"enabled": True, "client_visible": False}}


@pytest.fixture
async def door(serve: Serve) -> AsyncIterator[HotDoor]:
    serve(FLAGS)
    current.get()
    yield HotDoor(get_asgi_application(), reads=[FlagList(), FlagBulk()], observe=lambda *_: None)
    await sync_to_async(connections.close_all)()


@pytest.fixture
def token(user: User) -> str:
    return issue_token(user=user, name="shop")[1]


async def flags(app: Any, token: str, **headers: str) -> Reply:
    return await call(app, "GET", LIST, headers={"authorization": f"Bearer {token}", **headers})


async def bulk(app: Any, token: str, context: object = None, **headers: str) -> Reply:
    sent = {"authorization": f"Bearer {token}", "content-type": "application/json", **headers}
    return await call(app, "POST", BULK, headers=sent, body=orjson.dumps({"context": context or {}}))


@pytest.mark.parametrize("ask", [flags, bulk])
async def test_answer__is_that_of_the_ordinary_door(door: HotDoor, token: str, ask: Any) -> None:
    first, kept = await ask(door, token), await ask(door, token)
    plain = await ask(door.ordinary, token)

    assert (first.status, kept.status, len(door.pages)) == (200, 200, 1)
    assert first.body == kept.body == plain.body
    assert first.headers.keys() == kept.headers.keys() == plain.headers.keys()
    assert {name for name in plain.headers if kept.headers[name] != plain.headers[name]} == {"x-request-id"}


@pytest.mark.parametrize("ask", [flags, bulk])
async def test_client_that_holds_it__is_told_so(door: HotDoor, token: str, ask: Any) -> None:
    etag = (await ask(door, token)).headers["etag"]

    again, plain = [await ask(app, token, **{"if-none-match": etag}) for app in (door, door.ordinary)]

    assert (again.status, again.body) == (plain.status, plain.body) == (304, b"")
    assert again.headers["etag"] == plain.headers["etag"] == etag
    assert again.headers["cache-control"] == plain.headers["cache-control"]


@pytest.mark.parametrize("ask", [flags, bulk])
async def test_flag_that_changes__is_seen_at_once(door: HotDoor, token: str, serve: Serve, ask: Any) -> None:
    before = await ask(door, token)
    serve({"shop.new": {"enabled": False}}, version=2)

    after = await ask(door, token)

    assert before.body != after.body == (await ask(door.ordinary, token)).body


@pytest.mark.parametrize("ask", [flags, bulk])
async def test_editor__sees_what_others_do_not(door: HotDoor, token: str, make_user: MakeUser, ask: Any) -> None:
    editor = await sync_to_async(lambda: issue_token(user=make_user(groups=["flag-editors"]), name="t")[1])()

    seen = [b"shop.secret" in (await ask(door, who)).body for who in (token, editor, token, editor)]

    assert seen == [False, True, False, True]


@pytest.mark.parametrize("ask", [flags, bulk])
async def test_token_that_nobody_holds__is_refused(door: HotDoor, token: str, ask: Any) -> None:
    await ask(door, token)

    assert [(await ask(door, "cs_unknown")).status for _ in range(2)] == [401, 401]


async def test_token_that_is_revoked__is_refused_when_it_is_looked_at_again(
    door: HotDoor, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flags.ofrep.callers.WAIT_SECONDS", 60.0)
    row, token = await sync_to_async(issue_token)(user=user, name="shop")
    assert (await flags(door, token)).status == 200

    await sync_to_async(revoke_token)(token=row)
    for known in callers._known.values():
        known.at -= 1.0

    assert (await flags(door, token)).status == 401


async def test_contexts__have_answers_of_their_own(door: HotDoor, token: str, serve: Serve) -> None:
    for name in ("ann", "bob", "ann"):
        assert (await bulk(door, token, {"targetingKey": name})).status == 200

    assert len(door.pages) == 2


@pytest.mark.parametrize("change", [{"x-api-key": "cs_other"}, {"content-type": "application/json; charset=utf-8"}])
async def test_unusual_bulk__is_djangos(door: HotDoor, token: str, change: dict[str, str]) -> None:
    assert (await bulk(door, token, **change)).status == 200
    assert not door.pages


async def test_list__counts_in_a_history_of_its_own(door: HotDoor, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "user", "2/min")

    assert [(await flags(door, token)).status for _ in range(5)] == [200, 200, 200, 200, 429]


async def test_bulk__counts_in_the_same_history(door: HotDoor, token: str, settings: Settings) -> None:
    settings.OFREP_REQUESTS_PER_MINUTE = 3

    assert [(await bulk(door, token)).status for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("read", [FlagList, FlagBulk])
def test_count__goes_to_the_series_of_the_ordinary_door(read: Any) -> None:
    request = RequestFactory().generic(read.method, read.route)
    request.resolver_match = resolve(read.route)

    assert route_of(request, 200) == (read.method, read.route)
