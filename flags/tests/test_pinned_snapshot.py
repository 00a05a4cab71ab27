import asyncio
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from events import handles, publish
from events.models import OutboxMessage
from events.registry import registry
from events.services import drain
from events.tests.samples import Noted
from flags import is_enabled, pinned_snapshot
from flags.current import current
from flags.document import Document, FlagState
from flags.middleware import PinSnapshot


def now(version: int, *, on: bool) -> None:
    """This process learns of a change."""
    current.install(Document(version, {"shop.open": FlagState(enabled=on, version=version)}))


@pytest.fixture(autouse=True)
def _open_shop() -> None:
    now(1, on=True)


def test_change_within_a_pin__is_seen_after_it() -> None:
    with pinned_snapshot():
        before = is_enabled("shop.open")
        now(2, on=False)
        after = is_enabled("shop.open")

    assert (before, after, is_enabled("shop.open")) == (True, True, False)


def test_change_before_the_first_check__is_seen() -> None:
    with pinned_snapshot():
        now(2, on=False)

        assert is_enabled("shop.open") is False


def test_fresh__sees_through_the_pin() -> None:
    with pinned_snapshot():
        is_enabled("shop.open")
        now(2, on=False)

        assert is_enabled("shop.open", fresh=True) is False
        assert is_enabled("shop.open") is True


async def test_task_that_outlives_the_pin__goes_on_with_newer_flags() -> None:
    released = asyncio.Event()

    async def outlives() -> list[bool]:
        await released.wait()
        first = is_enabled("shop.open")
        now(3, on=True)
        return [first, is_enabled("shop.open")]

    with pinned_snapshot():
        assert is_enabled("shop.open")
        task = asyncio.create_task(outlives())
    now(2, on=False)
    released.set()

    assert await task == [False, True]


def test_request__sees_one_moment() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        first = is_enabled("shop.open")
        now(2, on=False)
        return HttpResponse(f"{first} {is_enabled('shop.open')}")

    response = PinSnapshot(view)(RequestFactory().get("/"))

    assert response.content == b"True True"
    assert is_enabled("shop.open") is False


async def test_async_request__sees_one_moment_in_its_threads_too() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        first = is_enabled("shop.open")
        now(2, on=False)
        return HttpResponse(f"{first} {await sync_to_async(is_enabled)('shop.open')}")

    response = await PinSnapshot(view)(AsyncRequestFactory().get("/"))

    assert response.content == b"True True"
    assert is_enabled("shop.open") is False


def test_request_without_a_check__does_not_look() -> None:
    current.forget()

    PinSnapshot(lambda request: HttpResponse())(RequestFactory().get("/"))

    assert not current._looked


@pytest.mark.django_db
@pytest.mark.parametrize("transactional", [True, False], ids=["transactional", "outside"])
def test_handler__sees_one_moment_and_the_next_a_newer_one(
    monkeypatch: pytest.MonkeyPatch,
    transactional: bool,
) -> None:
    for name in ("handlers", "by_event"):
        monkeypatch.setattr(registry, name, {})
    seen: list[bool] = []

    @handles(Noted, transactional=transactional)
    def checks_twice(message: OutboxMessage) -> None:
        seen.append(is_enabled("shop.open"))
        now(2, on=False)
        seen.append(is_enabled("shop.open"))

    for _ in range(2):
        publish(Noted(thing=uuid4()))

    drain()

    assert seen == [True, True, False, False]
