import os
import time
from collections.abc import Callable
from functools import partial

import pytest
import redis
from django.db import transaction
from prometheus_client import REGISTRY

from flags import is_enabled
from flags.current import current
from flags.handlers import repair_redis
from flags.models import Flag, FlagSet
from flags.services import reconcile, set_flag, writing
from tests.crowd import KILLED, Crowd

pytestmark = pytest.mark.django_db(transaction=True)


def drifted(kind: str) -> float:
    return REGISTRY.get_sample_value("feature_flag_drift_total", {"kind": kind}) or 0.0


@pytest.fixture(autouse=True)
def _two_flags(make_flag: Callable[..., Flag]) -> None:
    make_flag("a.one", enabled=True)
    make_flag("a.two")


def test_nothing_wrong__nothing_is_done(shared: redis.Redis) -> None:
    assert reconcile() == 0

    assert shared.get("feature:flags:version") == "2"


def turn_on_and_die() -> None:
    """Between commit and publication."""
    writing.publish_flags = lambda: os._exit(9)  # type: ignore[assignment]
    set_flag(key="a.two", enabled=True, actor=None, source="command")


def test_crash_between_commit_and_publication__is_repaired(crowd: Crowd, shared: redis.Redis) -> None:
    counted = drifted("behind")
    assert crowd.at_once(partial(turn_on_and_die)) == [KILLED]
    assert Flag.objects.get(key="a.two").enabled
    assert shared.hget("feature:flags", "a.two") == "0"  # the crash was real

    assert reconcile() == 1

    assert shared.hget("feature:flags", "a.two") == "1"
    assert drifted("behind") == counted + 1
    assert reconcile() == 0


def test_flushed_redis__answers_go_on_and_it_is_filled_again(shared: redis.Redis) -> None:
    assert is_enabled("a.one")
    shared.flushall()
    current._due = 0.0

    assert is_enabled("a.one")
    assert reconcile() == 1

    assert shared.hgetall("feature:flags") == {"a.one": "1", "a.two": "0"}
    assert shared.get("feature:flags:version") == "2"


def test_raw_sql__reaches_the_processes(shared: redis.Redis) -> None:
    assert not is_enabled("a.two")
    Flag.objects.filter(key="a.two").update(enabled=True)

    assert reconcile() == 1

    assert shared.hget("feature:flags", "a.two") == "1"
    assert is_enabled("a.two", fresh=True)
    assert int(shared.get("feature:flags:version") or 0) == FlagSet.objects.get().version == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda shared: shared.hset("feature:flags", "a.two", "1"),
        lambda shared: shared.hdel("feature:flags", "a.one"),
        lambda shared: shared.set("feature:flags:doc", "{}"),
        lambda shared: shared.delete("feature:flags:doc"),
        lambda shared: shared.rename("feature:flags:doc", "feature:flags"),
        lambda shared: (shared.delete("feature:flags:version"), shared.hset("feature:flags:version", "a", "b")),
        lambda shared: shared.set("feature:flags:version", "nonsense"),
    ],
)
def test_damaged_keys__are_made_again(shared: redis.Redis, damage: Callable[[redis.Redis], object]) -> None:
    damage(shared)

    assert reconcile() == 1

    assert shared.hgetall("feature:flags") == {"a.one": "1", "a.two": "0"}
    assert reconcile() == 0


def test_older_database__goes_on_above_what_the_processes_have_seen(shared: redis.Redis) -> None:
    is_enabled("a.one")
    FlagSet.objects.update(version=1)  # restored from a backup
    Flag.objects.filter(key="a.one").update(enabled=False)

    assert reconcile() == 1

    assert FlagSet.objects.get().version == 3
    assert shared.hget("feature:flags", "a.one") == "0"
    assert not is_enabled("a.one", fresh=True)


def test_older_database_and_an_empty_redis__go_on_above_what_this_process_has_seen(shared: redis.Redis) -> None:
    assert is_enabled("a.one")
    FlagSet.objects.update(version=1)
    Flag.objects.filter(key="a.one").update(enabled=False)
    shared.flushall()

    assert reconcile() == 1

    assert not is_enabled("a.one", fresh=True)


def test_inside_a_transaction__nothing_is_read_that_may_be_rolled_back() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        reconcile()


def test_redis_away__is_said_at_once(settings: object) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    taken = []

    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(redis.ConnectionError):
            reconcile()
        taken.append(time.monotonic() - began)

    assert min(taken) < 1  # a busy machine may hold up one of them


def test_redis_away__the_workers_sweep_goes_on(settings: object) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert repair_redis() == 0


def test_worker__runs_it_every_15_seconds() -> None:
    from events.registry import registry

    [sweep] = [each for each in registry.sweeps.values() if each.name == "flags.handlers.repair_redis"]

    assert sweep.every.total_seconds() == 15
    assert sweep.function() == 0
