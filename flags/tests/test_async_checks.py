"""Nothing that an event loop does waits for Redis or the database."""

import threading
from typing import Any

import pytest

from flags import ais_enabled, is_enabled
from flags import current as current_module
from flags.current import current
from flags.source import Source
from flags.tests.known import boolean, know


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Who was asked, and for how long the asker waited at most."""
    asked: list[tuple[str, float]] = []
    ask = Source.ask

    def noted(self: Source, *, patience: float) -> bool:
        asked.append((self._name, patience))
        return ask(self, patience=patience)

    monkeypatch.setattr(Source, "ask", noted)
    return asked


@pytest.fixture
def slow_redis(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answers when it is released."""
    release = threading.Event()
    monkeypatch.setattr(current_module.mirror, "version", lambda: release.wait(10) and 1)
    yield release
    release.set()
    current._redis.settle()


async def test_look_on_an_event_loop__is_not_waited_for(
    waits: list[tuple[str, float]], slow_redis: threading.Event
) -> None:
    know({"it": boolean()}, version=1)
    current._due = 0.0

    assert await ais_enabled("it")
    assert is_enabled("it")

    assert waits == [("redis", 0)]


async def test_redis_that_still_has_not_answered_a_second_later__sends_to_the_database(
    waits: list[tuple[str, float]], slow_redis: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_module.queries, "set_version", lambda: 0)
    know({"it": boolean()}, version=1)

    for _ in range(2):
        current._due = 0.0
        assert await ais_enabled("it")

    assert waits == [("redis", 0), ("redis", 0), ("database", 0)]
    current._database.settle()


@pytest.mark.usefixtures("impatient")
def test_look_elsewhere__is_waited_for_a_little(waits: list[tuple[str, float]], slow_redis: threading.Event) -> None:
    slow_redis.set()
    know({"it": boolean()}, version=1)
    current._due = 0.0

    is_enabled("it")

    assert waits == [("redis", 0.05)]


async def test_first_look_of_a_process__happens_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr(current, "_look", lambda: threads.append(threading.current_thread()))

    await ais_enabled("it")

    assert threads[0] is not threading.current_thread()
