"""A change is seen by every process within a second, within 100 ms while pub/sub is up."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import redis
from django.db import connection

from flags import is_enabled
from flags.current import CurrentSnapshot, current
from flags.models import Flag
from flags.services import set_flag
from flags.tests.conftest import DEAD_REDIS, wait_until
from flags.tests.promises.members import TURNED
from flags.tests.promises.watch import PROCESSES, Watch, quantiles, watching
from tests.crowd import Crowd, meet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("two_flags")]
# The looks of a process are a second apart; the rest is what a busy machine adds.
LATEST_SECONDS = 1.5


def turn_often(watch: Watch, turn: Callable[..., Flag], times: int) -> list[float]:
    """The moments at which the flag was turned, each seen everywhere before the next."""
    moments = []
    for number in range(1, times + 1):
        turn(TURNED, number % 2 == 1)
        moments.append(time.monotonic())
        watch.wait_for_turn(number)
    return moments


def test_change__is_seen_by_all_within_100_ms(
    crowd: Crowd, turn: Callable[..., Flag], shared: redis.Redis, record_property: Callable[[str, object], None]
) -> None:
    with watching(crowd) as watch:
        wait_until(lambda: shared.pubsub_numsub("feature:flags:changed")[0][1] == PROCESSES)
        moments = turn_often(watch, turn, 40)

    taken = watch.until_seen(moments)
    assert sorted(taken)[len(taken) // 2] < 0.1
    assert max(taken) < LATEST_SECONDS
    record_property("summary", f"flags, change to all of {PROCESSES} processes by pub/sub: {quantiles(taken)}")


def test_change_while_pubsub_is_down__is_seen_by_all_within_a_second(
    crowd: Crowd, turn: Callable[..., Flag], record_property: Callable[[str, object], None]
) -> None:
    with watching(crowd, deaf=True) as watch:
        moments = turn_often(watch, turn, 3)

    taken = watch.until_seen(moments)
    assert max(taken) < LATEST_SECONDS
    assert max(taken) > 0.1  # the control: nobody hears anything
    record_property("summary", f"flags, change to all of {PROCESSES} processes without pub/sub: {quantiles(taken)}")


def test_redis_and_the_second__are_asked_no_more_than_promised(
    crowd: Crowd, shared: redis.Redis, record_property: Callable[[str, object], None]
) -> None:
    with watching(crowd, deaf=True) as watch:
        began, before = time.monotonic(), shared.info("stats")["total_commands_processed"]
        time.sleep(2)
        asked = shared.info("stats")["total_commands_processed"] - before - 1  # our own
        lasted = time.monotonic() - began

    assert watch.checks > 1000
    assert asked <= PROCESSES * (lasted + 1)
    record_property(
        "summary", f"flags, Redis' own count: {asked} commands in {lasted:.1f} s from {PROCESSES} processes that check"
    )


# --- Forks ----------------------------------------------------------------------------------------------------------


def fork(*, seconds: float) -> tuple[bool, int]:
    """Whether a forked child sees the turn in time, and what the parent reads afterwards over the connection it had.

    The parent is at its least convenient: one of its threads looks for newer flags and holds the lock.
    """
    is_enabled(TURNED)
    Flag.objects.count()
    threading.Thread(target=hold, args=[current._turn], daemon=True).start()
    wait_until(current._turn.locked)
    answer = in_a_child(lambda: sees_the_turn(seconds=seconds))
    meet()
    return answer() == "True", Flag.objects.count()


def in_a_child(do: Callable[[], object]) -> Callable[[], str]:
    """Fork, and get what waits for the child's answer."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, str(do()).encode())
        os._exit(0)
    return lambda: os.read(reader, 100).decode()


def backends() -> tuple[str, str]:
    """Who serves a thread of this process at the database, and who serves one of its child."""
    return served_by(), in_a_child(served_by)()


def served_by() -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask_who_serves).result()


def ask_who_serves() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [number] = cursor.fetchone()
    connection.close()  # back to the pool
    return str(number)


def hold(lock: threading.Lock) -> None:
    with lock:
        time.sleep(60)


def sees_the_turn(*, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not is_enabled(TURNED) and time.monotonic() < until:
        time.sleep(0.001)
    return is_enabled(TURNED)


def turn_when_all_have_met() -> None:
    meet()
    set_flag(key=TURNED, enabled=True, actor=None, source="command")


def without_a_new_start() -> None:
    CurrentSnapshot.start_anew = lambda self: None  # type: ignore[method-assign]


@pytest.mark.parametrize("redis_url", ["", DEAD_REDIS], ids=["redis", "database"])
def test_forked_child__follows_by_itself(crowd: Crowd, settings: Any, redis_url: str) -> None:
    settings.REDIS_URL = redis_url or settings.REDIS_URL

    answers = crowd.at_once(partial(fork, seconds=30), partial(turn_when_all_have_met))

    assert answers == [(True, 2), None]


def test_forked_child__leaves_the_database_connections_to_its_parent(crowd: Crowd) -> None:
    [(own, childs)] = crowd.at_once(partial(backends))

    assert own.isdigit()
    assert childs.isdigit()
    assert own != childs


def test_without_a_new_start__a_forked_child_stays_behind(crowd: Crowd) -> None:
    """The control."""
    answers = crowd.at_once(partial(fork, seconds=3), partial(turn_when_all_have_met), unguard=without_a_new_start)

    assert answers == [(False, 2), None]
