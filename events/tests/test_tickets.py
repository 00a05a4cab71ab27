"""Tickets: who can't send headers shows one, once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.test import Client as Browser
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from accounts.services import revoke_token
from conftest import MakeUser
from coupon_site.redis import client as redis_client
from events.hub import Hub
from events.routing import websocket_urlpatterns
from events.tests.clients import EVERY_CHANNEL, Client, announce_and_relay
from events.tickets import Identity, issue, redeem

pytestmark = pytest.mark.django_db(transaction=True)

APPLICATION = URLRouter(websocket_urlpatterns)
ADDRESS = "/api/v1/realtime/ws"
DOOR = "/api/v1/realtime/ticket"
ApiOf = Callable[[User], APIClient]


async def protocols_of(api: APIClient) -> list[str]:
    answer = await database_sync_to_async(api.post)(DOOR)
    assert answer.status_code == 201
    return list(answer.json()["protocols"])


def socket(protocols: list[str], **headers: str) -> Client:
    """A page of another host, which has no cookie here."""
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Client(APPLICATION, ADDRESS, headers=[(b"origin", b"https://front.example"), *lines], subprotocols=protocols)


def test_ticket__is_given_to_who_is_signed_in(user: User, api: APIClient, api_of: ApiOf) -> None:
    answer = api_of(user).post(DOOR)

    assert (answer.status_code, answer.json()["expires_in"], answer.headers["cache-control"]) == (201, 60, "no-store")
    assert answer.json()["protocols"] == ["coupon-site", f"ticket.{answer.json()['ticket']}"]
    assert api.post(DOOR).status_code == 401


def test_session__needs_its_csrf_token(user: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(user)

    assert browser.post(DOOR).status_code == 403


def test_ticket__is_good_for_once_and_for_a_minute() -> None:
    identity = Identity(user=1, token="t")
    ticket = issue(identity)
    [key] = redis_client().keys("rt:ticket:*")

    assert 0 < redis_client().ttl(key) <= 60
    assert ticket.encode() not in key
    assert [redeem(ticket), redeem(ticket), redeem("made up")] == [identity, None, None]


def test_redis_away__is_a_problem_that_passes(user: User, api_of: ApiOf, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as RedisConnectionError

    def fail(identity: Identity) -> str:
        raise RedisConnectionError

    monkeypatch.setattr("events.api.tickets.issue", fail)

    answer = api_of(user).post(DOOR)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_page_of_another_host__opens_a_socket_by_ticket(superuser: User, api_of: ApiOf, hub: Hub) -> None:
    api = await database_sync_to_async(api_of)(superuser)
    client = socket(await protocols_of(api))

    connected, protocol = await client.connect()
    await client.greeting()
    await announce_and_relay()

    assert (connected, protocol) == (True, "coupon-site")
    assert [event["id"] for event in await client.events(1)] == [1]
    await client.disconnect()


async def test_ticket_used_twice__opens_one_socket(superuser: User, api_of: ApiOf, hub: Hub) -> None:
    protocols = await protocols_of(await database_sync_to_async(api_of)(superuser))
    first, second = socket(protocols), socket(protocols)

    await first.connect()
    await second.connect()

    assert await second.close_code() == 4401
    assert len(hub.everyone()) == 1
    await first.disconnect()


async def test_socket_opened_by_ticket__ends_with_the_token_that_asked_for_it(
    superuser: User, api_of: ApiOf, hub: Hub
) -> None:
    client = socket(await protocols_of(await database_sync_to_async(api_of)(superuser)))
    await client.connect()

    token = await ApiToken.objects.select_related("user").aget()
    await database_sync_to_async(revoke_token)(token=token)
    hub.keeper.ask([str(superuser.public_id)])

    assert await client.close_code() == 4401


async def test_ticket_of_a_session__ends_with_the_session(superuser: User, hub: Hub) -> None:
    browser = Browser()
    await database_sync_to_async(browser.force_login)(superuser)
    answer = await database_sync_to_async(browser.post)(DOOR)
    client = socket(answer.json()["protocols"])
    await client.connect()
    await client.greeting()

    await database_sync_to_async(browser.logout)()
    hub.keeper.ask([str(superuser.public_id)])

    assert await client.close_code() == 4401


# --- In the first message --------------------------------------------------------------------------------------------
async def test_ticket_in_the_first_message__opens_too(superuser: User, api_of: ApiOf, hub: Hub) -> None:
    _, offer = await protocols_of(await database_sync_to_async(api_of)(superuser))
    client = socket(["coupon-site"])
    await client.connect()

    await client.send_json_to({"type": "auth", "ticket": offer.removeprefix("ticket."), "ref": 3})

    welcome, *subscribed = await client.greeting()
    assert (welcome["type"], welcome["ref"]) == ("welcome", 3)
    assert {frame["channel"] for frame in subscribed} == EVERY_CHANNEL
    await client.disconnect()


async def test_client_that_does_not_say_who_it_is__is_waited_for_no_longer(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.consumers.door.AUTH_SECONDS", 0.05)
    client = socket(["coupon-site"])
    await client.connect()

    assert await client.close_code() == 4408
    assert not hub.everyone()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "auth", "ticket": "made up"}, 4401),
        ({"type": "auth"}, 4400),
        ({"type": "subscribe", "channel": "events:orders"}, 4400),
    ],
    ids=["bad ticket", "no ticket", "another message"],
)
async def test_first_message_that_says_nothing__ends_the_socket(hub: Hub, message: dict[str, Any], code: int) -> None:
    client = socket(["coupon-site"])
    await client.connect()

    await client.send_json_to(message)

    assert await client.close_code() == code
    assert not hub.everyone()


async def test_client_that_offers_no_protocol__is_refused(hub: Hub) -> None:
    connected, _ = await socket([]).connect()

    assert not connected


async def test_cookie__counts_for_allowed_pages_only_whatever_is_offered(
    superuser: User, hub: Hub, settings: Settings
) -> None:
    browser = Browser()
    await database_sync_to_async(browser.force_login)(superuser)
    cookie = f"session={browser.cookies['session'].value}"

    connected, _ = await socket(["coupon-site"], Host="site.example", Cookie=cookie).connect()

    assert not connected


# --- On an open socket -----------------------------------------------------------------------------------------------
async def test_new_ticket__renews_an_open_socket(
    superuser: User, api_of: ApiOf, connect: Callable[..., Any], hub: Hub
) -> None:
    client = await connect(superuser)
    _, offer = await protocols_of(await database_sync_to_async(api_of)(superuser))

    answer = await client.ask(type="auth", ticket=offer.removeprefix("ticket."), ref=1)

    assert (answer["type"], answer["ref"]) == ("welcome", 1)
    await announce_and_relay()
    assert [event["id"] for event in await client.events(1)] == [1]


async def test_ticket_of_somebody_else__ends_an_open_socket(
    superuser: User, make_user: MakeUser, api_of: ApiOf, connect: Callable[..., Any]
) -> None:
    client = await connect(superuser)
    other = await database_sync_to_async(make_user)()
    _, offer = await protocols_of(await database_sync_to_async(api_of)(other))

    await client.send_json_to({"type": "auth", "ticket": offer.removeprefix("ticket.")})

    assert await client.close_code() == 4403


async def test_bad_ticket__ends_an_open_socket(superuser: User, connect: Callable[..., Any]) -> None:
    client = await connect(superuser)
    await asyncio.sleep(0)

    await client.send_json_to({"type": "auth", "ticket": "made up"})

    assert await client.close_code() == 4401
