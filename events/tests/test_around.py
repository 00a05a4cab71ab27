"""What apps want around every unit of work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async

from events import around, handles, publish, streams, sweep
from events.models import OutboxMessage
from events.registry import Registry, registry
from events.services import drain
from events.sweeper import run_sweep
from events.tests.samples import Noted

MakeUser = Callable[..., Any]


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened: when the surroundings were entered and left, and what was in between."""
    monkeypatch.setattr(registry, "surroundings", [])
    told: list[str] = []

    @contextmanager
    def tells() -> Iterator[None]:
        told.append("enter")
        try:
            yield
        finally:
            told.append("leave")

    around(tells)
    return told


@pytest.mark.django_db
@pytest.mark.parametrize("transactional", [True, False], ids=["transactional", "outside"])
def test_each_call_of_a_handler__is_a_unit(handlers: Registry, story: list[str], transactional: bool) -> None:
    handles(Noted, transactional=transactional)(lambda message: story.append("handler"))
    for _ in range(2):
        publish(Noted(thing=uuid4()))

    drain()

    assert story == ["enter", "handler", "leave"] * 2


@pytest.mark.django_db
def test_handler_that_fails__leaves_its_surroundings(handlers: Registry, story: list[str]) -> None:
    @handles(Noted, transactional=False)
    def fails(message: OutboxMessage) -> None:
        raise ValueError

    publish(Noted(thing=uuid4()))

    drain()

    assert story == ["enter", "leave"]


@pytest.mark.django_db
def test_each_sweep__is_a_unit(handlers: Registry, story: list[str]) -> None:
    sweep(every=timedelta(hours=1))(lambda: story.append("sweep") or 1)

    for each in handlers.sweeps.values():
        run_sweep(each)

    assert story == ["enter", "sweep", "leave"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("offered")
async def test_each_message_of_a_socket__is_a_unit(connect: Callable[..., Any], make_user: MakeUser) -> None:
    client = await connect(await database_sync_to_async(make_user)())
    told: list[str] = []

    @contextmanager
    def tells() -> Iterator[None]:
        told.append("enter")
        yield
        told.append("leave")

    def may(user: object) -> bool:
        told.append("message")
        return False

    streams.register(name="temperature", sample=dict, permission=may)  # type: ignore[arg-type]
    registry.surroundings.append(tells)
    try:
        await client.ask(type="subscribe-temperature")
    finally:
        registry.surroundings.remove(tells)

    assert told == ["enter", "message", "leave"]
