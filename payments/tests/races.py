"""Doing things at the same instant, each on a connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(actions: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """What each action answered or raised; none starts before all are ready."""
    barrier = Barrier(len(actions), timeout=60)

    def run(action: Callable[[], T]) -> T | Exception:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")  # whoever waits for a lock for ever is a failure, not a hang
            barrier.wait()
            return action()
        except Exception as error:  # noqa: BLE001  the answer of this one
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(actions)) as pool:
        return list(pool.map(run, actions))
