"""Two things at the same time, in an order that the test decides: the first stops at a place in the code."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, NamedTuple, TypeVar

import pytest
from django.db import connection
from django.utils.module_loading import import_string

T = TypeVar("T")
SECONDS = 60


class Told(NamedTuple):
    """What both answered, and whether the second had to wait for a lock of the first."""

    first: Any
    second: Any
    second_waited: bool


class Interleave:
    """`interleave(first, second, at="module.function")`: the second runs while the first stands there.

    The first stops before the function, or `after` it. The second runs to its end, or until it waits for a lock that
    the first holds; then the first goes on.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def __call__(self, first: Callable[[], Any], second: Callable[[], Any], *, at: str, after: bool = False) -> Told:
        reached, go = Event(), Event()
        self.stop(at, after=after, reached=reached, go=go)
        with ThreadPoolExecutor(max_workers=2) as pool:
            one = pool.submit(on_own_connection, first)
            try:
                assert reached.wait(SECONDS), f"the first never came to {at}: {one}"
                two = pool.submit(on_own_connection, second)
                waited = waits_for_lock(two)
            finally:
                go.set()
            return Told(one.result(SECONDS), two.result(SECONDS), waited)

    def stop(self, at: str, *, after: bool, reached: Event, go: Event) -> None:
        """Whoever comes to the place first is held there."""
        function = import_string(at)

        def stop() -> None:
            if not reached.is_set():
                reached.set()
                assert go.wait(SECONDS)

        def held(*args: Any, **kwargs: Any) -> Any:
            if not after:
                stop()
            answer = function(*args, **kwargs)
            if after:
                stop()
            return answer

        self.monkeypatch.setattr(at, held)


def on_own_connection(action: Callable[[], T]) -> T:
    try:
        return action()
    finally:
        connection.close()


def waits_for_lock(task: Future[Any]) -> bool:
    """True as soon as somebody in this database waits for a lock, False when the task is done before."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if task.done():
            return False
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return True
        time.sleep(0.01)
    raise AssertionError("the second neither ends nor waits for a lock")
