"""What a reader of the event stream sees."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import ApplicationCommunicator
from django.test import Client as Browser
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token, revoke_token
from conftest import MakeUser
from events.hub import Hub
from events.hub.event_stream import cursor_of, text_of
from events.sse import EventStreamDoor
from events.tests.clients import EVERY_CHANNEL, SECONDS, announce_and_relay, caught_up

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/api/v1/realtime/sse"
ORIGIN = "https://front.example"


class Reader(ApplicationCommunicator):
    """Reads a stream's parts as dictionaries of their lines."""

    status = 0
    headers: dict[str, str]
    rest = b""

    async def begin(self) -> int:
        await self.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await self.receive_output(SECONDS)
        self.status = start["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return self.status

    async def problem(self) -> dict[str, Any]:
        return json.loads((await self.receive_output(SECONDS))["body"])

    async def part(self, seconds: float = SECONDS) -> dict[str, str]:
        while b"\n\n" not in self.rest:
            self.rest += (await self.receive_output(seconds))["body"]
        text, _, self.rest = self.rest.partition(b"\n\n")
        return dict(line.split(": ", 1) for line in text.decode().splitlines() if line != ":")

    async def notice(self, kind: str) -> dict[str, Any]:
        """The next notice of a kind, whatever comes before it."""
        while (part := await self.part()).get("event") != kind:
            pass
        return {**json.loads(part["data"]), "cursor": part.get("id", "")}

    async def events(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """The next events, each with the cursor that came along."""
        found: list[tuple[str, dict[str, Any]]] = []
        while len(found) < count:
            part = await self.part()
            if "data" in part and "event" not in part:
                found.append((part["id"], json.loads(part["data"])))
        return found

    async def leave(self) -> None:
        await self.send_input({"type": "http.disconnect"})
        await self.wait(SECONDS)


Open = Callable[..., Awaitable[Reader]]


async def ordinary(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})


def reader_of(query: str = "", *, headers: dict[str, str] | None = None, method: str = "GET") -> Reader:
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    path, _, string = (query if query.startswith("/") else ADDRESS + query).partition("?")
    scope = {"type": "http", "method": method, "path": path, "query_string": string.encode(), "headers": pairs}
    return Reader(EventStreamDoor(ordinary), scope)


@pytest.fixture
async def read(hub: Hub) -> AsyncIterator[Open]:
    """Open a stream as a user, by API token."""
    readers: list[Reader] = []

    async def open_stream(user: User, query: str = "", **headers: str) -> Reader:
        _, text = await database_sync_to_async(issue_token)(user=user, name="test")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        reader = reader_of(query, headers={"Authorization": f"Bearer {text}", **named})
        readers.append(reader)
        assert await reader.begin() == 200
        return reader

    yield open_stream
    await asyncio.gather(*[reader.leave() for reader in readers], return_exceptions=True)


async def test_reader__gets_what_it_may_see_with_where_it_stands(superuser: User, read: Open, hub: Hub) -> None:
    stream = await read(superuser)
    assert (stream.headers["content-type"], stream.headers["x-accel-buffering"], stream.headers["cache-control"]) == (
        "text/event-stream; charset=utf-8",
        "no",
        "no-store",
    )
    assert 2000 <= int((await stream.part())["retry"]) <= 4000

    await announce_and_relay(count=3)

    (_, first), (_, _), (cursor, last) = await stream.events(3)
    epoch = hub.channels["events:orders"].epoch
    assert (first["id"], last["id"], last["data"]["step"]) == (1, 3, 2)
    assert cursor_of(cursor)["events:orders"] == (epoch, 3)
    assert cursor_of(cursor).keys() == EVERY_CHANNEL


async def test_customer__gets_own_events_and_no_others(make_user: MakeUser, read: Open) -> None:
    alice, bob = await database_sync_to_async(lambda: (make_user(), make_user()))()
    hers = await read(alice)

    await announce_and_relay(owner=bob.public_id)
    await announce_and_relay(owner=alice.public_id)

    assert [event["id"] for _, event in await hers.events(1)] == [2]


@pytest.mark.parametrize("by", ["header", "address"])
async def test_last_event_id__continues_after_it_without_a_hole(superuser: User, read: Open, hub: Hub, by: str) -> None:
    first = await read(superuser, "?channels=events:orders")
    await announce_and_relay(count=2)
    cursor = (await first.events(2))[0][0]  # it read the first event, and was cut off
    await first.leave()
    await announce_and_relay(count=2)
    await caught_up(hub, 4)

    if by == "header":
        second = await read(superuser, "?channels=events:orders", Last_Event_ID=cursor)
    else:
        second = await read(superuser, f"?channels=events:orders&last_event_id={cursor}")

    assert [event["id"] for _, event in await second.events(3)] == [2, 3, 4]
    await announce_and_relay()
    assert [event["id"] for _, event in await second.events(1)] == [5]


async def test_cut_between_the_answer_and_what_was_missed__loses_nothing(superuser: User, read: Open, hub: Hub) -> None:
    await announce_and_relay(count=3)
    await caught_up(hub, 3)
    epoch = hub.channels["events:orders"].epoch

    stream = await read(superuser, "?channels=events:orders", Last_Event_ID=f"events:orders={epoch}:1")

    answer = await stream.notice("subscribed")
    assert (answer["id"], answer["replayed"]) == (3, 2)
    assert answer["cursor"] == f"events:orders={epoch}:1"


async def test_cursor_of_another_life__is_a_gap_that_moves_it(superuser: User, read: Open, hub: Hub) -> None:
    await announce_and_relay(count=2)
    await caught_up(hub, 2)
    epoch = hub.channels["events:orders"].epoch

    stream = await read(superuser, "?channels=events:orders", Last_Event_ID="events:orders=foreign:7")

    gap = await stream.notice("gap")
    assert (gap["reason"], gap["to"], gap["cursor"]) == ("epoch", 2, f"events:orders={epoch}:2")


@pytest.mark.parametrize("text", ["7", "events:orders", "events:orders=a:x", "=a:1", "events:orders=a:" + "9" * 30])
async def test_cursor_that_nobody_wrote__is_a_problem(superuser: User, hub: Hub, text: str) -> None:
    _, token = await database_sync_to_async(issue_token)(user=superuser, name="test")
    stream = reader_of(headers={"Authorization": f"Bearer {token}", "Last-Event-ID": text})

    assert await stream.begin() == 400
    assert (await stream.problem())["code"] == "bad_cursor"


@pytest.mark.parametrize(
    ("query", "method", "refusal"),
    [
        ("?channels=events:nothing", "GET", (400, "unknown_channel")),
        ("?channels=events:flags", "GET", (403, "forbidden")),
        ("", "POST", (405, "method_not_allowed")),
    ],
    ids=["unknown channel", "foreign channel", "method"],
)
async def test_what_can_not_be_streamed__is_a_problem(
    user: User, hub: Hub, query: str, method: str, refusal: tuple[int, str]
) -> None:
    _, token = await database_sync_to_async(issue_token)(user=user, name="test")
    stream = reader_of(query, headers={"Authorization": f"Bearer {token}"}, method=method)

    assert (await stream.begin(), (await stream.problem())["code"]) == refusal


async def test_anonymous__is_refused(hub: Hub) -> None:
    stream = reader_of()

    assert await stream.begin() == 401
    assert (await stream.problem())["code"] == "anonymous"


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("", (200, None)),
        ("http://shop.example", (200, None)),
        (ORIGIN, (200, ORIGIN)),
        ("https://evil.example", (403, None)),
    ],
    ids=["same page", "own origin", "allowed front", "foreign"],
)
async def test_session__is_read_by_allowed_pages_only(
    superuser: User, hub: Hub, settings: Settings, origin: str, answer: tuple[int, str | None]
) -> None:
    settings.REALTIME_ALLOWED_ORIGINS = [ORIGIN]
    browser = Browser()
    await database_sync_to_async(browser.force_login)(superuser)
    cookie = f"session={browser.cookies['session'].value}"
    headers = {"Cookie": cookie, "Host": "shop.example", **({"Origin": origin} if origin else {})}

    stream = reader_of(headers=headers)

    assert (await stream.begin(), stream.headers.get("access-control-allow-origin")) == answer
    if stream.status == 200:
        await stream.leave()


async def test_revoked_token__ends_the_stream_with_its_code(
    superuser: User, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, text = await database_sync_to_async(issue_token)(user=superuser, name="test")
    stream = reader_of(headers={"Authorization": f"Bearer {text}"})
    await stream.begin()

    await database_sync_to_async(lambda: revoke_token(token=token))()
    hub.keeper.ask([str(superuser.public_id)])

    assert (await stream.notice("closed"))["code"] == 4401
    await stream.wait(SECONDS)
    assert not hub.everyone()


async def test_reader_that_leaves__leaves_nothing_in_the_hub(superuser: User, read: Open, hub: Hub) -> None:
    stream = await read(superuser)

    await stream.leave()

    assert not hub.everyone()
    assert hub.channels["events:orders"].size == 0


async def test_quiet_stream__gets_comments(superuser: User, read: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coupon_site.api.event_stream.COMMENT_SECONDS", 0.05)
    stream = await read(superuser, "?channels=events:orders")
    await stream.notice("subscribed")

    assert await stream.part() == {}


async def test_stream_that_had_its_time__ends_and_can_be_resumed(
    superuser: User, read: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coupon_site.api.event_stream.COMMENT_SECONDS", 0.05)
    monkeypatch.setattr("coupon_site.api.event_stream.LIFE_SECONDS", (0.1, 0.1))
    stream = await read(superuser)

    assert (await stream.notice("closed"))["code"] == 1013


async def test_other_addresses__go_to_the_site(hub: Hub) -> None:
    stream = reader_of("/api/v1/orders/")

    assert await stream.begin() == 418


def test_cursor__is_read_as_it_was_written() -> None:
    cursor = {"events:orders": ("k3", 12), "events:flags": ("", 0)}

    assert cursor_of(text_of(cursor)) == cursor
    assert cursor_of("") == {}
