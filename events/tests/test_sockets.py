"""What a client of the socket sees."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client as Browser
from pytest_django import Settings

from accounts.models import ApiToken, User
from accounts.services import revoke_token
from conftest import MakeUser
from events import streams
from events.control import announce_revocation
from events.hub import Hub
from events.routing import websocket_urlpatterns
from events.tests.clients import EVERY_CHANNEL, SECONDS, Client, announce_and_relay, caught_up, in_control, until

pytestmark = pytest.mark.django_db(transaction=True)

Connect = Callable[..., Any]
APPLICATION = URLRouter(websocket_urlpatterns)
ADDRESS = "/api/v1/realtime/ws"


async def test_client_that_only_connects__gets_what_it_may_see(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)

    await announce_and_relay(count=3)

    events = await client.events(3)
    assert [event["id"] for event in events] == [1, 2, 3]
    assert [event["data"]["step"] for event in events] == [0, 1, 2]
    assert {event["channel"] for event in events} == {"events:orders"}
    assert {event["data"]["type"] for event in events} == {"sample.moved"}


async def test_greeting__says_limits_and_where_every_channel_stands(superuser: User, connect: Connect) -> None:
    client = await connect(superuser, greeted=False)

    welcome, *subscribed = await client.greeting()

    assert welcome["type"] == "welcome"
    assert welcome["limits"]["message_bytes"] == 8192
    assert {frame["channel"] for frame in subscribed} == EVERY_CHANNEL
    assert all((frame["type"], frame["id"], frame["recovered"]) == ("subscribed", 0, False) for frame in subscribed)


async def test_customer__gets_own_events_and_no_others(make_user: MakeUser, connect: Connect) -> None:
    alice, bob = await database_sync_to_async(lambda: (make_user(), make_user()))()
    hers, his = await connect(alice), await connect(bob)

    await announce_and_relay(owner=alice.public_id)
    await announce_and_relay()
    await announce_and_relay(owner=bob.public_id)

    assert [event["id"] for event in await hers.events(1)] == [1]
    assert [event["id"] for event in await his.events(1)] == [3]
    assert await hers.receive_nothing()
    assert await his.receive_nothing()


async def test_private_field__never_reaches_a_browser(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)

    await announce_and_relay(secret="only for handlers")

    assert "secret" not in (await client.events(1))[0]["data"]


async def test_channels_in_the_address__narrow_what_is_followed(superuser: User, connect: Connect) -> None:
    client = await connect(superuser, f"{ADDRESS}?channels=events:flags,events:nowhere", greeted=False)

    _, *frames = await client.greeting()
    await announce_and_relay()

    assert [frame.get("channel") or frame["code"] for frame in frames] == ["events:flags", "unknown_channel"]
    assert await client.receive_nothing()


async def test_unsubscribed_channel__is_silent_until_it_is_followed_again(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)
    answer = await client.ask(type="unsubscribe", channel="events:orders", ref=7)
    assert answer == {"type": "unsubscribed", "channel": "events:orders", "ref": 7}

    await announce_and_relay()
    assert await client.receive_nothing()

    answer = await client.ask(type="subscribe", channel="events:orders", ref="again")
    assert (answer["type"], answer["id"], answer["ref"]) == ("subscribed", 1, "again")
    await announce_and_relay()
    assert [event["id"] for event in await client.events(1)] == [2]


async def test_resume_from_a_number__repeats_what_was_missed_once(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser, f"{ADDRESS}?channels=")
    await announce_and_relay(count=5)
    await caught_up(hub, 5)

    answer = await client.ask(type="subscribe", channel="events:orders", since=2)

    assert (answer["recovered"], answer["replayed"], answer["id"]) == (True, 3, 5)
    assert [event["id"] for event in await client.events(3)] == [3, 4, 5]
    await announce_and_relay()
    assert [event["id"] for event in await client.events(1)] == [6]


async def test_resume_beyond_the_ring__is_answered_from_the_stream(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser, f"{ADDRESS}?channels=")
    await announce_and_relay(count=5)
    await caught_up(hub, 5)
    hub.channels["events:orders"].ring.clear()

    answer = await client.ask(type="subscribe", channel="events:orders", since=1)

    assert (answer["recovered"], answer["replayed"]) == (True, 4)
    assert [event["id"] for event in await client.events(4)] == [2, 3, 4, 5]


async def test_resume_in_another_epoch__is_a_gap(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser, f"{ADDRESS}?channels=")
    await announce_and_relay(count=2)
    await caught_up(hub, 2)

    answer = await client.ask(type="subscribe", channel="events:orders", since=1, epoch="foreign")

    assert answer["recovered"] is False
    gap = await client.frame()
    assert (gap["type"], gap["reason"], gap["from"], gap["to"]) == ("gap", "epoch", 1, 2)


async def test_channel_that_one_may_not_see__is_an_error(user: User, connect: Connect) -> None:
    client = await connect(user)

    answer = await client.ask(type="subscribe", channel="events:flags", ref=1)

    assert (answer["type"], answer["code"], answer["ref"], answer["retryable"]) == ("error", "forbidden", 1, False)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "dance"}, "unknown_message"),
        ({"type": "get-benchmark-report"}, "unknown_message"),
        ({"type": "subscribe"}, "bad_message"),
        ({"type": "subscribe", "channel": 5}, "bad_message"),
        ({"type": "subscribe", "channel": "events:orders", "since": "5"}, "bad_message"),
        ({"type": "subscribe", "channel": "events:orders", "since": -1}, "bad_message"),
        ({"type": "subscribe", "channel": "events:nowhere"}, "unknown_channel"),
        ({"type": "unsubscribe", "channel": "events:nowhere"}, "unknown_channel"),
        ({"type": "unsubscribe", "channel": ["events:orders"]}, "unknown_channel"),
    ],
)
@pytest.mark.usefixtures("offered")
async def test_message_that_makes_no_sense__is_an_error_and_the_socket_lives(
    superuser: User, connect: Connect, message: dict[str, Any], code: str
) -> None:
    client = await connect(superuser)

    answer = await client.ask(**message, ref="r1")

    assert (answer["type"], answer["code"], answer["ref"]) == ("error", code, "r1")
    assert (await client.ask(type="ping", ref=2)) == {"type": "pong", "ref": 2}


@pytest.mark.parametrize("text", [" ", "{", "[]", '"subscribe"', "{}", '{"type": 5}', "null"])
async def test_text_that_is_no_message__ends_the_socket(superuser: User, connect: Connect, text: str) -> None:
    client = await connect(superuser)

    await client.send_to(text_data=text)

    assert await client.close_code() == 4400


async def test_binary_message__ends_the_socket(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)

    await client.send_to(bytes_data=b"\x00\x01")

    assert await client.close_code() == 4400


async def test_message_that_is_too_long__ends_the_socket(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)

    await client.send_to(text_data=json.dumps({"type": "ping", "ref": "x" * 9000}))

    assert await client.close_code() == 1009


async def test_flood_of_messages__ends_the_socket(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)

    for _ in range(60):
        await client.send_json_to({"type": "pong"})

    assert await client.close_code() == 4429


async def test_defect_in_a_handler__leaves_nothing_of_the_socket_in_the_hub(
    superuser: User, connect: Connect, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(superuser)
    monkeypatch.setattr("events.consumers.commands.is_cursor", lambda content: 1 / 0)

    await client.send_json_to({"type": "subscribe", "channel": "events:orders"})
    with pytest.raises(ZeroDivisionError):
        await client.wait(SECONDS)

    assert hub.everyone() == []


# --- Who is let in ---------------------------------------------------------------------------------------------------
async def status_of(path: str = ADDRESS, *, headers: dict[str, str] | None = None, http: bool = False) -> int:
    """Try to connect: 101 when accepted, else the HTTP status; 403 is a close before accepting."""
    lines = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    client = Client(APPLICATION, path, headers=lines)
    if http:
        client.scope["extensions"] = {"websocket.http.response": {}}
    await client.send_input({"type": "websocket.connect"})
    answer = await client.receive_output(SECONDS)
    if answer["type"] == "websocket.accept":
        await client.disconnect()
        return 101
    return answer.get("status", 403)


@pytest.fixture
def session(superuser: User) -> str:
    """The cookie of a signed-in browser."""
    browser = Browser()
    browser.force_login(superuser)
    return f"session={browser.cookies['session'].value}"


@pytest.mark.parametrize("path", [ADDRESS, "/api/v1/monitoring/ws"])
async def test_anonymous__is_refused(hub: Hub, path: str) -> None:
    headers = {"Host": "site.example", "Origin": "https://site.example"}

    assert await status_of(path, headers=headers) == 403
    assert await status_of(path, headers=headers, http=True) == 401


async def test_unknown_token__is_refused_whatever_the_session_says(hub: Hub, session: str) -> None:
    headers = {"Host": "site.example", "Origin": "https://site.example", "Cookie": session}

    assert await status_of(headers={**headers, "Authorization": "Bearer nonsense"}, http=True) == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://site.example", 101),
        ("http://site.example", 101),
        ("https://SITE.example", 101),
        ("https://partner.example", 101),
        ("https://evil.example", 403),
        ("https://site.example.evil.example", 403),
        ("https://site.example:8443", 403),
        ("https://sub.site.example", 403),
        ("file://site.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_session_from_a_page__is_let_in_by_exact_origin(
    hub: Hub, session: str, settings: Settings, origin: str, status: int
) -> None:
    settings.REALTIME_ALLOWED_ORIGINS = ["https://partner.example"]
    headers = {"Host": "site.example", "Cookie": session, **({"Origin": origin} if origin else {})}

    assert await status_of(headers=headers) == status


# --- Rights that change ----------------------------------------------------------------------------------------------
@pytest.fixture
def viewer(make_user: MakeUser, settings: Settings) -> User:
    """Somebody who sees every flag event by a permission that can be taken away."""
    settings.REALTIME_CHANNELS = {**settings.REALTIME_CHANNELS, "events:flags": "events.view_outboxevent"}
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="view_outboxevent"))
    return user


@pytest.fixture
def quick_reviews(settings: Settings) -> None:
    settings.REALTIME_RECHECK_SECONDS = 0.2


@pytest.mark.usefixtures("quick_reviews")
async def test_right_taken_away__ends_the_subscription_at_the_next_review(
    viewer: User, connect: Connect, hub: Hub
) -> None:
    client = await connect(viewer)

    await database_sync_to_async(viewer.user_permissions.clear)()

    frame = await client.frame()
    assert (frame["type"], frame["code"], frame["channel"]) == ("error", "forbidden", "events:flags")
    assert not hub.channels["events:flags"].followers


@pytest.mark.usefixtures("quick_reviews")
async def test_right_given__widens_what_is_seen(user: User, connect: Connect, hub: Hub) -> None:
    client = await connect(user)
    [connection] = hub.everyone()

    await database_sync_to_async(User.objects.filter(pk=user.pk).update)(is_superuser=True)
    await until(lambda: connection.viewer.access["events:orders"] == "perm:orders.view_order")
    await announce_and_relay()

    assert [event["id"] for event in await client.events(1)] == [1]


@pytest.fixture
def seldom_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.hub.keeper.LONGEST_TICK_SECONDS", 600.0)


@pytest.mark.usefixtures("seldom_reviews")
async def test_revocation__is_applied_at_once(user: User, connect: Connect) -> None:
    client, other = await connect(user), await connect(user)
    await in_control()

    await database_sync_to_async(User.objects.filter(pk=user.pk).update)(is_active=False)
    await sync_to_async(announce_revocation)(users=[user.public_id])

    assert await client.close_code() == 4401
    assert await other.close_code() == 4401


@pytest.mark.usefixtures("quick_reviews")
async def test_token_revoked__ends_the_socket(user: User, connect: Connect) -> None:
    client = await connect(user)

    await database_sync_to_async(lambda: [revoke_token(token=token) for token in ApiToken.objects.all()])()

    assert await client.close_code() == 4401


@pytest.mark.usefixtures("quick_reviews")
async def test_session_ended__ends_the_socket(session: str, hub: Hub) -> None:
    headers = {"Host": "site.example", "Origin": "http://site.example", "Cookie": session}
    client = Client(
        APPLICATION, ADDRESS, headers=[(name.lower().encode(), value.encode()) for name, value in headers.items()]
    )
    await client.connect()
    await client.greeting()
    await asyncio.sleep(0.5)
    assert hub.everyone()

    await database_sync_to_async(Session.objects.all().delete)()

    assert await client.close_code() == 4401


# --- Staying alive ---------------------------------------------------------------------------------------------------
@pytest.fixture
def quick_pings(settings: Settings) -> None:
    settings.REALTIME_PING_SECONDS = 0.4
    settings.REALTIME_PONG_SECONDS = 0.4


@pytest.mark.usefixtures("quick_pings")
async def test_client_that_answers_pings__stays(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)

    for _ in range(3):
        ping = await client.frame()
        assert (ping["type"], set(ping["pos"])) == ("ping", EVERY_CHANNEL)
        await client.send_json_to({"type": "pong"})


@pytest.mark.usefixtures("quick_pings")
async def test_server_that_stood_still__cuts_off_nobody_who_it_did_not_hear(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)
    assert (await client.frame())["type"] == "ping"

    time.sleep(1)  # noqa: ASYNC251  so does a machine that is paused
    await client.send_json_to({"type": "pong"})

    assert (await client.frame())["type"] == "ping"


@pytest.mark.usefixtures("quick_pings")
async def test_client_that_does_not_answer__is_cut_off(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser)

    assert await client.close_code() == 4408
    assert not hub.everyone()


# --- Figures ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def samples(offered: None) -> list[int]:
    """A stream `metrics` and a report `benchmark-report`; the numbers of the samples taken."""
    taken: list[int] = []

    async def sample() -> dict[str, int]:
        taken.append(len(taken) + 1)
        return {"orders": taken[-1]}

    async def answer() -> dict[str, str]:
        return {"verdict": "fast"}

    streams.register(name="metrics", sample=sample)
    streams.register_report(name="benchmark-report", channel="benchmark", answer=answer)
    return taken


async def test_figures__come_from_one_sampler_for_all_listeners(
    superuser: User, connect: Connect, samples: list[int], hub: Hub
) -> None:
    clients = [await connect(superuser, "/api/v1/monitoring/ws") for _ in range(5)]

    for client in clients:
        answer = await client.ask(type="subscribe-metrics", interval_ms=300, ref=1)
        assert (answer["type"], answer["channel"], answer["interval_ms"], answer["ref"]) == (
            "subscribed",
            "metrics",
            300,
            1,
        )
    # Whoever came earlier has got samples of before; from the last one's first on all are told the same.
    first, *_, last = [(await clients[-1].frame())["data"]["orders"] for _ in range(3)]
    frames = [[frame async for frame in up_to(last, client)] for client in clients[:-1]]

    assert {frame["event"] for each in frames for frame in each} == {"metrics-update"}
    assert {frame["channel"] for each in frames for frame in each} == {"metrics"}
    heard = [[number for frame in each if (number := frame["data"]["orders"]) > first] for each in frames]
    assert heard == [list(range(first + 1, last + 1))] * 4


async def up_to(last: int, client: Client) -> AsyncIterator[dict[str, Any]]:
    """What a client is told of figures, until that sample."""
    while (frame := await client.frame())["data"]["orders"] < last:
        yield frame
    yield frame


async def test_sampler__runs_only_while_somebody_listens(
    superuser: User, connect: Connect, samples: list[int], hub: Hub
) -> None:
    client, other = await connect(superuser), await connect(superuser)
    await client.ask(type="subscribe-metrics", interval_ms=1)
    await client.frame()
    await other.ask(type="subscribe-metrics")
    await other.frame()

    await client.send_json_to({"type": "unsubscribe-metrics"})
    await other.disconnect()
    await asyncio.sleep(0.6)
    taken = len(samples)
    await asyncio.sleep(0.6)

    assert len(samples) == taken
    assert hub.samplers["metrics"].task.done()


async def test_figures__are_for_staff(user: User, connect: Connect, samples: list[int]) -> None:
    client = await connect(user)

    assert (await client.ask(type="subscribe-metrics", ref=1))["code"] == "forbidden"
    assert (await client.ask(type="get-benchmark-report", ref=2))["code"] == "forbidden"
    assert not samples


async def test_report__is_answered_to_whom_it_asks(superuser: User, connect: Connect, samples: list[int]) -> None:
    client = await connect(superuser)

    answer = await client.ask(type="get-benchmark-report", ref="b")

    assert answer == {"channel": "benchmark", "data": {"verdict": "fast"}, "ref": "b"}


@pytest.mark.parametrize("interval", ["1000", None, True, [1]])
async def test_interval_that_is_no_number__is_an_error(
    superuser: User, connect: Connect, samples: list[int], interval: object
) -> None:
    client = await connect(superuser)

    assert (await client.ask(type="subscribe-metrics", interval_ms=interval))["code"] == "bad_message"
    assert not samples
