"""Redis stopped, hung, slowed or emptied: no check fails, hardly one is late, and it is repaired within 15 seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.conf import settings

from events.sweeper import Sweeper
from flags import mirror
from flags.models import Flag
from flags.source import Source
from flags.tests.conftest import PrivateRedis, wait_until
from flags.tests.promises.conftest import EVERY_SECONDS
from flags.tests.promises.members import STEADY, TURNED
from flags.tests.promises.slow_proxy import SlowProxy
from flags.tests.promises.watch import watching
from tests.crowd import Crowd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("two_flags", "impatient")]

TROUBLE_SECONDS = 2.5
# A check waits 50 ms at most; the rest is what a busy machine adds. Without patience it is as long as the trouble.
LONGEST_SECONDS = 0.5
# In one process: a look a second, or fewer.
MOST_DELAYS = 6


@contextmanager
def stopped(server: PrivateRedis, proxy: SlowProxy) -> Iterator[None]:
    server.stop()
    yield
    server.start()  # empty


@contextmanager
def hung(server: PrivateRedis, proxy: SlowProxy) -> Iterator[None]:
    server.freeze()
    yield
    server.thaw()


@contextmanager
def slowed(server: PrivateRedis, proxy: SlowProxy) -> Iterator[None]:
    """Each answer is in time for the client, both that a look needs are not."""
    proxy.delay = 0.035
    yield
    proxy.delay = 0.0


@contextmanager
def trickling(server: PrivateRedis, proxy: SlowProxy) -> Iterator[None]:
    """No read of the client ever times out."""
    proxy.delay, proxy.piece = 0.03, 1
    yield
    proxy.delay, proxy.piece = 0.0, 1 << 16


@pytest.mark.parametrize("trouble", [stopped, hung, slowed, trickling])
def test_redis_in_trouble__every_check_is_answered_and_changes_are_seen(
    *,
    crowd: Crowd,
    settings: Any,
    private_redis: PrivateRedis,
    slow_proxy: SlowProxy,
    sweeper: Sweeper,
    turn: Callable[..., Flag],
    record_property: Callable[[str, object], None],
    trouble: Callable[..., Any],
) -> None:
    sweeper.sweep_due(now=0.0)
    settings.REDIS_URL = slow_proxy.url

    with watching(crowd) as watch:
        settings.REDIS_URL = private_redis.url
        with trouble(private_redis, slow_proxy):
            turn(TURNED, True)
            moment = time.monotonic()
            watch.wait_for_turn(1)
            time.sleep(max(0.0, TROUBLE_SECONDS - (time.monotonic() - moment)))
        began = time.monotonic()
        sweeper.sweep_due(now=EVERY_SECONDS)
        repaired = time.monotonic() - began

    assert watch.failed == 0
    assert watch.longest < LONGEST_SECONDS
    assert watch.delays <= MOST_DELAYS
    until_seen = watch.until_seen([moment])
    assert max(until_seen) < 3
    assert mirror.held().switches == {STEADY: "1", TURNED: "1"}
    record_property(
        "summary",
        f"flags, Redis {trouble.__name__} for {TROUBLE_SECONDS} s: {watch.sentence()}, a change meanwhile was seen "
        f"everywhere after {max(until_seen):.2f} s; repaired by the next sweep within {repaired * 1000:.0f} ms",
    )


def without_patience() -> None:
    """A check asks by itself, through a client as redis-py has it."""

    def ask(self: Source, *, patience: float) -> bool:
        self._answered = False
        self.ask_here()
        return self._answered

    client = redis.Redis.from_url(settings.REDIS_URL)
    mirror.client = lambda: client
    Source.ask = ask  # type: ignore[method-assign]


def test_without_a_thread_and_short_time_outs__a_check_hangs_with_redis(
    crowd: Crowd, private_redis: PrivateRedis
) -> None:
    """The control."""
    with watching(crowd, unguard=without_patience, deaf=True) as watch:
        private_redis.freeze()
        time.sleep(2)
        private_redis.thaw()

    assert watch.longest > 0.9


def test_redis_emptied__it_is_filled_at_the_workers_start_and_again_within_15_seconds(
    crowd: Crowd,
    private_redis: PrivateRedis,
    sweeper: Sweeper,
    shared: redis.Redis,
    record_property: Callable[[str, object], None],
) -> None:
    whole = {STEADY: "1", TURNED: "0"}
    with watching(crowd) as watch:
        shared.flushall()
        sweeper.start()
        at_start = wait_until(lambda: shared.hgetall("feature:flags") == whole)
        shared.flushall()
        again = wait_until(lambda: shared.hgetall("feature:flags") == whole)
        sweeper.stop()
        sweeper.join()

    assert watch.failed == 0
    assert watch.longest < LONGEST_SECONDS
    assert again < EVERY_SECONDS + 1.5  # the sweeper looks twice a second
    record_property(
        "summary",
        f"flags, Redis emptied: {watch.sentence()}; filled {at_start:.2f} s after the worker's start, "
        f"and after {again:.1f} s beside a running one",
    )
