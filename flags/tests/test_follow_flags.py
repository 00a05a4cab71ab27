"""The stream that tells clients to ask again."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from channels.testing import ApplicationCommunicator
from django.utils import timezone

from coupon_site.api import event_stream
from flags.current import current
from flags.document import Document
from flags.ofrep.stream import PATH, FlagStreamDoor
from flags.ofrep.tickets import is_good, ticket_of
from flags.ofrep.watch import watch_of_loop
from flags.tests.ofrep_contract import EVENT, check

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECONDS = 30


class Reader(ApplicationCommunicator):
    """Reads a stream's parts as dictionaries of their lines."""

    status = 0
    rest = b""

    async def begin(self) -> int:
        await self.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await self.receive_output(SECONDS)
        self.status, self.headers = start["status"], dict(start["headers"])
        return self.status

    async def part(self) -> dict[str, str]:
        while b"\n\n" not in self.rest:
            self.rest += (await self.receive_output(SECONDS))["body"]
        text, _, self.rest = self.rest.partition(b"\n\n")
        return dict(line.split(": ", 1) for line in text.decode().splitlines() if line != ":")

    async def event(self) -> dict[str, Any]:
        """The next event, whatever comes before it."""
        while "data" not in (part := await self.part()):
            pass
        return {"id": part["id"], **json.loads(part["data"])}

    async def end(self) -> None:
        """Read until nothing more comes."""
        async with asyncio.timeout(SECONDS):
            while (await self.receive_output(SECONDS))["more_body"]:
                pass

    async def leave(self) -> None:
        await self.send_input({"type": "http.disconnect"})
        await self.wait(SECONDS)


@pytest.fixture(autouse=True)
def _at_version_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks for newer flags but the test."""
    monkeypatch.setattr(current, "get", lambda: current.snapshot)
    monkeypatch.setattr("flags.ofrep.watch.LOOK_SECONDS", 0.005)
    current.install(Document(7, {}))


@pytest.fixture
def open_stream() -> Callable[..., Reader]:
    def open_it(*, ticket: str | None = None, method: str = "GET", path: str = PATH, **headers: str) -> Reader:
        good = ticket_of(uuid4(), at=timezone.now()) if ticket is None else ticket
        pairs = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
        query = f"ticket={quote(good)}".encode()
        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": pairs}
        return Reader(FlagStreamDoor(ordinary), scope)

    return open_it


async def ordinary(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})


async def test_new_stream__tells_the_present_version_then_each_newer_one(open_stream: Callable[..., Reader]) -> None:
    reader = open_stream()
    assert await reader.begin() == 200
    assert reader.headers[b"Content-Type"] == b"text/event-stream; charset=utf-8"
    assert 2000 <= int((await reader.part())["retry"]) <= 4000

    present = await reader.event()
    current.install(Document(8, {}))
    newer = await reader.event()

    assert present == {"id": "7", "type": "refetchEvaluation", "etag": "7"}
    assert newer == {"id": "8", "type": "refetchEvaluation", "etag": "8"}
    check({name: text for name, text in newer.items() if name != "id"}, EVENT)
    await reader.leave()


async def test_client_that_comes_back__hears_of_what_it_missed_only(open_stream: Callable[..., Reader]) -> None:
    behind, level, ahead = (open_stream(last_event_id=version) for version in ("6", "7", "8"))
    for reader in (behind, level, ahead):
        await reader.begin()

    assert (await behind.event())["id"] == "7"
    for version in (8, 9):
        current.install(Document(version, {}))
        assert (await behind.event())["id"] == str(version)

    assert [(await reader.event())["id"] for reader in (level, ahead)] == ["8", "9"]
    for reader in (behind, level, ahead):
        await reader.leave()


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 40, "\x80"])
async def test_last_event_that_nobody_told__counts_as_none(open_stream: Callable[..., Reader], text: str) -> None:
    reader = open_stream(last_event_id=text)
    await reader.begin()

    assert (await reader.event())["id"] == "7"
    await reader.leave()


@pytest.mark.parametrize(
    "ticket",
    ["", "x", "x:y", "\ud7ff", ticket_of(UUID(int=1), at=NOON)],
    ids=["none", "word", "parts", "odd", "old"],
)
async def test_ticket_that_is_not_good__opens_nothing(open_stream: Callable[..., Reader], ticket: str) -> None:
    assert await open_stream(ticket=ticket).begin() == 401


async def test_other_method_and_other_address__are_not_streamed(open_stream: Callable[..., Reader]) -> None:
    assert await open_stream(method="POST").begin() == 405
    assert await open_stream(path="/ofrep/v1/evaluate/flags").begin() == 418


def test_ticket__is_the_same_all_day_and_good_until_the_next_is_over() -> None:
    caller = uuid4()
    ticket = ticket_of(caller, at=NOON)

    assert ticket == ticket_of(caller, at=NOON + timedelta(hours=11))
    assert is_good(ticket, at=NOON + timedelta(hours=35))
    assert not is_good(ticket, at=NOON + timedelta(hours=37))


async def test_stream_without_news__shows_by_comments_that_somebody_is_there(
    open_stream: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "COMMENT_SECONDS", 0.02)
    reader = open_stream()
    await reader.begin()
    await reader.event()

    assert [await reader.part(), await reader.part()] == [{}, {}]
    await reader.leave()


async def test_stream_that_had_its_time__ends(
    open_stream: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "LIFE_SECONDS", (0.05, 0.05))
    monkeypatch.setattr(event_stream, "COMMENT_SECONDS", 0.02)
    reader = open_stream()
    await reader.begin()

    await reader.end()


async def test_nobody_follows__nobody_looks(open_stream: Callable[..., Reader]) -> None:
    readers = [open_stream(), open_stream()]
    for reader in readers:
        await reader.begin()
        await reader.event()
    task = watch_of_loop()._task
    for reader in readers:
        await reader.leave()

    await asyncio.wait_for(asyncio.shield(task), SECONDS)  # type: ignore[arg-type]

    assert watch_of_loop().followers == 0
