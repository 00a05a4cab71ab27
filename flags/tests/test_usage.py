import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import redis

from flags import is_enabled
from flags.handlers import keep_usage
from flags.metrics import counts
from flags.models import Flag, FlagUsage
from flags.services import collect_usage, forget_usage
from flags.services.usage import TAKEN
from flags.tests.conftest import DEAD_REDIS
from flags.tests.known import boolean, colour, know
from flags.usage import USAGE, Reporter

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture
def reporter() -> Reporter:
    """One that has told everything of earlier tests."""
    own = Reporter()
    own._told = counts()
    return own


def check(name: str, times: int) -> None:
    for _ in range(times):
        is_enabled(name)


def kept() -> list[tuple[str, date, str, str, int]]:
    rows = FlagUsage.objects.order_by("flag__key", "day", "variant")
    return [*rows.values_list("flag__key", "day", "variant", "reason", "count")]


@pytest.mark.django_db
def test_answers__are_kept_per_day_and_kind(make_flag: Callable[..., Flag], reporter: Reporter) -> None:
    make_flag("u.shop")
    make_flag("u.köln")
    know({"u.shop": boolean(), "u.köln": colour(enabled=False)}, version=9)

    check("u.shop", 3)
    check("u.köln", 1)
    reporter.report(at=NOON)
    check("u.shop", 2)
    reporter.report(at=NOON)
    reporter.report(at=NOON)

    assert collect_usage(at=NOON) == 2
    assert kept() == [("u.köln", TODAY, "grey", "DISABLED", 1), ("u.shop", TODAY, "on", "STATIC", 5)]
    assert {row.last_seen_at for row in FlagUsage.objects.all()} == {NOON}


@pytest.mark.django_db
def test_later_answers__are_added_and_those_of_yesterday_stay_there(
    make_flag: Callable[..., Flag], reporter: Reporter
) -> None:
    make_flag("u.shop")
    know({"u.shop": boolean()}, version=9)

    for at in (NOON - timedelta(days=1), NOON, NOON + timedelta(minutes=1)):
        check("u.shop", 2)
        reporter.report(at=at)
        collect_usage(at=NOON + timedelta(minutes=1))

    assert [(day, count) for _, day, _, _, count in kept()] == [(TODAY - timedelta(days=1), 2), (TODAY, 4)]
    midnight = NOON.replace(hour=0)
    assert [row.last_seen_at for row in FlagUsage.objects.order_by("day")] == [midnight, NOON + timedelta(minutes=1)]


@pytest.mark.django_db
def test_redis_away__is_told_the_next_time(make_flag: Callable[..., Flag], reporter: Reporter, settings: Any) -> None:
    make_flag("u.shop")
    know({"u.shop": boolean()}, version=9)
    check("u.shop", 3)

    alive, settings.REDIS_URL = settings.REDIS_URL, DEAD_REDIS
    reporter.report(at=NOON)
    assert keep_usage() == 0
    settings.REDIS_URL = alive
    reporter.report(at=NOON)

    assert keep_usage() == 1
    assert [count for *_, count in kept()] == [3]


@pytest.mark.django_db
def test_flag_without_a_row__is_passed_over(reporter: Reporter, shared: redis.Redis) -> None:
    know({"u.raw": boolean()})
    check("u.raw", 1)
    reporter.report(at=NOON)

    assert collect_usage(at=NOON) == 0
    assert not shared.exists(USAGE, TAKEN)
    assert collect_usage(at=NOON) == 0


@pytest.mark.django_db
def test_crash_between_taking_and_keeping__loses_nothing(
    make_flag: Callable[..., Flag], reporter: Reporter, shared: redis.Redis
) -> None:
    make_flag("u.shop")
    know({"u.shop": boolean()}, version=9)
    check("u.shop", 3)
    reporter.report(at=NOON)
    shared.rename(USAGE, TAKEN)  # as far as it came
    check("u.shop", 1)
    reporter.report(at=NOON)

    collect_usage(at=NOON)
    collect_usage(at=NOON)

    assert [count for *_, count in kept()] == [4]


def test_report__is_due_once_a_minute(reporter: Reporter, shared: redis.Redis) -> None:
    know({"u.shop": boolean()})
    check("u.shop", 1)

    reporter.report_when_due()
    assert not shared.exists(USAGE)
    reporter._due = 0.0
    reporter.report_when_due()

    assert shared.hlen(USAGE) == 1
    assert reporter._due > 0


def test_command_that_is_soon_over__reports_at_its_end(shared: redis.Redis, settings: Any) -> None:
    script = """
import flags.usage
from flags import mirror
from flags.metrics import tally
mirror.TIMEOUT_SECONDS = 10.0
tally("u.shop", "on", "STATIC").count += 1
"""

    servers = {"DATABASE_URL": settings.DATABASE_URL, "REDIS_URL": settings.REDIS_URL}
    environment = {**os.environ, **servers, "DJANGO_SETTINGS_MODULE": "coupon_site.settings"}
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=settings.BASE_DIR, check=True)

    [(field, count)] = shared.hgetall(USAGE).items()
    assert ('"u.shop","on","STATIC"' in field, count) == (True, "1")


@pytest.mark.django_db
def test_usage_of_long_ago__is_forgotten(make_flag: Callable[..., Flag]) -> None:
    flag = make_flag("a.b")
    for days_ago in (399, 401):
        day = TODAY - timedelta(days=days_ago)
        FlagUsage.objects.create(flag=flag, day=day, variant="on", reason="STATIC", count=1, last_seen_at=NOON)

    assert forget_usage(at=NOON) == 1

    assert [day for _, day, *_ in kept()] == [TODAY - timedelta(days=399)]
