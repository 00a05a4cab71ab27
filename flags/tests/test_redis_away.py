"""Redis stopped, frozen or unreachable: checks go on, and are hardly ever slow."""

import asyncio
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import transaction
from prometheus_client import REGISTRY

from flags import is_enabled
from flags.breaker import LONGEST_SECONDS, Breaker
from flags.current import current
from flags.models import Flag, FlagSet
from flags.services import reconcile
from flags.tests.conftest import DEAD_REDIS, PrivateRedis, wait_until
from flags.tests.promises.members import queued_seconds


def check_for(seconds: float) -> list[float]:
    """Check a flag over and over; how long each check took."""
    taken, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began, queued = time.monotonic(), queued_seconds()
        assert is_enabled("shop.open")
        taken.append(time.monotonic() - began - (queued_seconds() - queued))
        time.sleep(0.0005)
    return taken


def seconds_of_a_first_check() -> float:
    current.forget()
    began = time.monotonic()
    assert is_enabled("shop.open")
    return time.monotonic() - began


def refused(source: str) -> float:
    return REGISTRY.get_sample_value("feature_flag_refresh_errors_total", {"source": source}) or 0.0


@pytest.mark.django_db(transaction=True)
def test_redis_unreachable_at_start__the_database_answers(make_flag: Callable[..., Flag], settings: object) -> None:
    make_flag("shop.open", enabled=True)
    settings.REDIS_URL = DEAD_REDIS

    assert min(seconds_of_a_first_check() for _ in range(3)) < 1


@pytest.mark.django_db(transaction=True)
def test_redis_unreachable_inside_a_transaction__its_own_uncommitted_flags_are_not_seen(
    make_flag: Callable[..., Flag], turn: Callable[..., Flag], settings: object
) -> None:
    make_flag("shop.open", enabled=True)
    current.forget()
    settings.REDIS_URL = DEAD_REDIS

    with transaction.atomic():
        Flag.objects.update(enabled=False)
        assert is_enabled("shop.open")


@pytest.mark.django_db(transaction=True)
def test_redis_unreachable_in_an_event_loop__the_database_answers(
    make_flag: Callable[..., Flag], settings: object
) -> None:
    make_flag("shop.open", enabled=True)
    current.forget()
    settings.REDIS_URL = DEAD_REDIS

    async def asks() -> bool:
        return is_enabled("shop.open")

    assert asyncio.run(asks())


@pytest.mark.django_db(transaction=True)
def test_change_while_redis_is_away__is_seen_through_the_database(
    make_flag: Callable[..., Flag], settings: object
) -> None:
    make_flag("shop.open", enabled=True)
    assert is_enabled("shop.open")
    settings.REDIS_URL = DEAD_REDIS
    Flag.objects.update(enabled=False)
    FlagSet.objects.update(version=2)  # another process wrote

    assert wait_until(lambda: not is_enabled("shop.open")) < 3


def test_redis_and_database_unreachable_at_start__declared_defaults_answer(
    declare_flag: Callable[..., str], settings: object
) -> None:
    """Without its mark this test may not touch the database: an access raises."""
    declare_flag("shop.open", default=True)
    settings.REDIS_URL = DEAD_REDIS
    before = refused("database")

    assert is_enabled("shop.open") is True

    assert refused("database") == before + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("impatient")
def test_redis_hung__is_asked_after_longer_and_longer_pauses(
    private_redis: PrivateRedis, make_flag: Callable[..., Flag], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flag("shop.open", enabled=True)
    monkeypatch.setattr("flags.current.FRESH_SECONDS", 0.05)  # only the breaker keeps the looks apart
    check_for(0.1)
    private_redis.freeze()
    failures = moments_of_failures(monkeypatch)

    taken: list[float] = []
    while len(failures) < 3:
        taken += check_for(0.1)

    assert sorted(taken)[-2] < 0.5  # a busy machine may hold up one of the three that ask
    first, second, third = failures[:3]
    assert second - first >= 0.5
    assert third - second >= 1


def moments_of_failures(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Each is a moment before the breaker opens."""
    failures: list[float] = []
    fail = Breaker.failed

    def failed(self: Breaker) -> None:
        failures.append(time.monotonic())
        fail(self)

    monkeypatch.setattr(Breaker, "failed", failed)
    return failures


@pytest.mark.django_db(transaction=True)
def test_redis_that_comes_back_empty__is_filled_and_heard_again(
    private_redis: PrivateRedis, make_flag: Callable[..., Flag], turn: Callable[..., Flag]
) -> None:
    make_flag("shop.open", enabled=True)
    is_enabled("shop.open")
    private_redis.stop()
    check_for(1.2)

    private_redis.start()
    reconcile()
    turn("shop.open", False)

    assert not is_enabled("shop.open")
    assert reconcile() == 0


def test_breaker__opens_for_longer_each_time_up_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("flags.breaker.time", SimpleNamespace(monotonic=lambda: now[0]))
    breaker, pauses = Breaker(), []

    for _ in range(9):
        breaker.failed()
        began = now[0]
        while not breaker.closed:
            now[0] += 0.25
        pauses.append(now[0] - began)

    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, LONGEST_SECONDS]
    breaker.failed()
    breaker.succeeded()
    assert breaker.closed


@pytest.mark.django_db(transaction=True)
def test_first_checks_of_many_threads__all_wait_for_the_first_look(make_flag: Callable[..., Flag]) -> None:
    make_flag("shop.open", enabled=True)
    current.forget()
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(is_enabled("shop.open"))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [True] * 8
