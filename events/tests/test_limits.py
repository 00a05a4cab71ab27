"""How many come in, how long they stay, and how much may wait for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from prometheus_client import REGISTRY
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from conftest import MakeUser
from events.hub import Hub
from events.hub.gate import Gate, Pace, TooMany, address_of
from events.hub.viewer import Refused
from events.routing import websocket_urlpatterns
from events.tests.clients import SECONDS, Client
from events.tests.test_event_stream import Reader, reader_of

pytestmark = pytest.mark.django_db(transaction=True)

Connect = Callable[..., Any]
Attempt = Callable[..., Awaitable[tuple[str, int]]]
APPLICATION = URLRouter(websocket_urlpatterns)
ADDRESS = "/api/v1/realtime/ws"


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("realtime_rejected_total", {"reason": reason}) or 0.0


@pytest.fixture
async def attempt(hub: Hub) -> AsyncIterator[Attempt]:
    """Try to connect; `open`, `closed` with a code, or `refused` with a status. What is open stays so."""
    clients: list[Client] = []

    async def connect(user: User, *, address: str = "") -> tuple[str, int]:
        _, text = await database_sync_to_async(issue_token)(user=user, name="test")
        client = Client(APPLICATION, ADDRESS, headers=[(b"authorization", f"Bearer {text}".encode())])
        clients.append(client)
        client.scope["extensions"] = {"websocket.http.response": {}}
        if address:
            client.scope["client"] = [address, 1]
        await client.send_input({"type": "websocket.connect"})
        first = await client.receive_output(SECONDS)
        if first["type"] != "websocket.accept":
            return "refused", first["status"]
        second = await client.receive_output(SECONDS)
        return ("closed", second["code"]) if second["type"] == "websocket.close" else ("open", 0)

    yield connect
    await asyncio.gather(*[client.disconnect() for client in clients], return_exceptions=True)


# --- Coming in -------------------------------------------------------------------------------------------------------
async def test_connection_beyond_those_of_a_user__is_closed_for_good(
    superuser: User, user: User, attempt: Attempt, connect: Connect, settings: Settings
) -> None:
    settings.REALTIME_CONNECTIONS_PER_USER = 2
    first, _ = await connect(superuser), await connect(superuser)
    before = refused("too_many")

    assert await attempt(superuser) == ("closed", 4409)
    assert await attempt(user) == ("open", 0)
    assert refused("too_many") == before + 1

    await first.disconnect()
    assert await attempt(superuser) == ("open", 0)


async def test_connection_beyond_those_of_an_address__is_closed_for_good(
    superuser: User, user: User, attempt: Attempt, settings: Settings
) -> None:
    settings.REALTIME_CONNECTIONS_PER_ADDRESS = 1

    assert await attempt(superuser, address="192.0.2.1") == ("open", 0)
    assert await attempt(user, address="192.0.2.1") == ("closed", 4409)
    assert await attempt(user, address="192.0.2.2") == ("open", 0)


@pytest.mark.parametrize(
    ("setting", "refusal"),
    [
        ("REALTIME_CONNECTIONS", (503, "full")),
        ("REALTIME_CONNECTS_PER_USER", (429, "too_fast")),
        ("REALTIME_CONNECTS_PER_ADDRESS", (429, "too_fast")),
    ],
)
async def test_connection_beyond_a_limit__is_refused_before_it_opens(
    superuser: User, attempt: Attempt, settings: Settings, setting: str, refusal: tuple[int, str]
) -> None:
    status, reason = refusal
    setattr(settings, setting, 1)
    before = refused(reason)

    answers = [await attempt(superuser, address="192.0.2.1") for _ in range(2)]

    assert answers == [("open", 0), ("refused", status)]
    assert refused(reason) == before + 1


def test_crowd_within_a_second__is_let_in_up_to_the_pace(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REALTIME_CONNECTS_PER_SECOND = 2
    now = [1000.0]
    monkeypatch.setattr("events.hub.gate.time.monotonic", lambda: now[0])
    gate, scope = Gate(), {"headers": [], "client": None}

    for _ in range(2):
        gate.enter(scope)
    with pytest.raises(Refused) as refusal:
        gate.enter(scope)
    now[0] += 1
    gate.enter(scope)

    assert (refusal.value.status, refusal.value.reason) == (503, "too_fast")


def test_pace__forgets_those_of_the_minute_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [600.0]
    monkeypatch.setattr("events.hub.gate.time.monotonic", lambda: now[0])
    pace = Pace(60.0)

    assert [pace.admits("a", limit=1) for _ in range(2)] == [True, False]
    assert pace.admits("b", limit=1)
    now[0] += 60
    assert pace.admits("a", limit=1)
    assert list(pace.came) == ["a"]


def test_place__is_free_again_once(settings: Settings) -> None:
    settings.REALTIME_CONNECTIONS_PER_USER = 1
    gate = Gate()
    first, second = [gate.enter({"headers": [], "client": ["192.0.2.1", 1]}) for _ in range(2)]
    first.seat(7)
    with pytest.raises(TooMany):
        second.seat(7)

    for place in (second, first, first):
        place.leave()

    assert not gate.inside


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, b"", "192.0.2.1"),
        (0, b"203.0.113.5", "192.0.2.1"),
        (1, b"198.51.100.9, 203.0.113.5", "203.0.113.5"),
        (2, b"198.51.100.9, 203.0.113.5", "198.51.100.9"),
        (3, b"203.0.113.5", "203.0.113.5"),
    ],
)
def test_address__is_what_the_nearest_trusted_proxy_says(
    settings: Settings, proxies: int, forwarded: bytes, address: str
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    headers = [(b"x-forwarded-for", forwarded)] if forwarded else []

    assert address_of({"headers": headers, "client": ["192.0.2.1", 1]}) == address
    assert address_of({"headers": []}) == ""


async def test_event_streams__have_the_same_limits(superuser: User, hub: Hub, settings: Settings) -> None:
    settings.REALTIME_CONNECTIONS_PER_USER = 1
    _, text = await database_sync_to_async(issue_token)(user=superuser, name="test")
    first, second = [reader_of(headers={"Authorization": f"Bearer {text}"}) for _ in range(2)]

    assert (await first.begin(), await second.begin()) == (200, 429)
    assert (second.headers["retry-after"], (await second.problem())["code"]) == ("5", "too_many")
    await first.leave()
    third: Reader = reader_of(headers={"Authorization": f"Bearer {text}"})
    assert await third.begin() == 200
    await third.leave()
    assert not hub.gate.inside


async def test_attempts_that_are_refused__take_no_place(user: User, make_user: MakeUser, hub: Hub) -> None:
    client = Client(APPLICATION, ADDRESS, headers=[(b"authorization", b"Bearer nonsense")])
    await client.send_input({"type": "websocket.connect"})
    await client.receive_output(SECONDS)
    await client.wait(SECONDS)

    assert not hub.gate.inside


# --- Staying ---------------------------------------------------------------------------------------------------------
async def test_connection_that_is_old__is_asked_to_come_again(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser)
    [connection] = hub.everyone()

    hub.keeper.look_after(connection, connection.ends_at + 1)

    assert await client.close_code() == 1001


async def test_much_that_waits_for_long__ends_the_connection(
    superuser: User, connect: Connect, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(superuser)
    [connection] = hub.everyone()
    before = REGISTRY.get_sample_value("realtime_slow_evictions_total") or 0.0

    hub.keeper.weigh(connection, 70_000, 100.0)
    hub.keeper.weigh(connection, 60_000, 109.0)
    hub.keeper.weigh(connection, 70_000, 110.0)
    hub.keeper.weigh(connection, 70_000, 119.0)
    assert connection.ending is None
    hub.keeper.weigh(connection, 70_000, 120.5)

    assert connection.ending == "slow_consumer"
    assert REGISTRY.get_sample_value("realtime_slow_evictions_total") == before + 1


async def test_client_that_takes_nothing__is_dropped_instead_of_being_told(
    superuser: User, connect: Connect, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.hub.connection.CLOSE_SECONDS", 0.05)
    await connect(superuser)
    [connection] = hub.everyone()
    dropped = asyncio.Event()
    monkeypatch.setattr(connection, "has_room", lambda: False)
    monkeypatch.setattr(connection.socket, "abort", dropped.set)
    connection.reply({"type": "something"})
    await asyncio.sleep(0)

    hub.keeper.look_after(connection, connection.ends_at + 1)

    async with asyncio.timeout(SECONDS):
        await dropped.wait()
