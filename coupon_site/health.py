"""Is this process alive, and can it do its work? Liveness touches nothing; readiness asks what the work needs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from coupon_site import redis

BUDGET_SECONDS = 1.0
CACHE_SECONDS = 2.0
DEGRADED = "degraded"


@dataclass(frozen=True)
class Report:
    """What was asked and what was answered; `checks` maps a dependency to "ok" or to what is wrong.

    An answer that begins with "degraded" is of something that does its work, but not as it should.
    """

    checks: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(answer == "ok" for answer in self.checks.values())

    @property
    def status(self) -> str:
        wrong = [answer for answer in self.checks.values() if answer != "ok"]
        if not wrong:
            return "ok"
        return "degraded" if all(answer.startswith(DEGRADED) for answer in wrong) else "unavailable"

    def as_dict(self) -> dict[str, object]:
        return {"status": self.status, "checks": self.checks}


def ask_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return "ok"
    finally:
        connection.close()


def ask_redis() -> str:
    redis.client().ping()
    return "ok"


def ask_migrations() -> str:
    if schema_is_current():
        return "ok"
    return "migrations are waiting: run `manage.py migrate`"


def schema_is_current() -> bool:
    """Whether every migration is applied; once true it stays true for this process."""
    if not _state.migrated:
        try:
            executor = MigrationExecutor(connection)
            _state.migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        finally:
            connection.close()
    return _state.migrated


# Apps add what their own work needs.
CHECKS: dict[str, Callable[[], str]] = {"database": ask_database, "redis": ask_redis, "migrations": ask_migrations}


class _State:
    """The last report, shared by the threads of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pool: ThreadPoolExecutor | None = None
        self.migrated = False
        self.report = Report()
        self.asked_at = -CACHE_SECONDS


_state = _State()


def readyz() -> Report:
    """Database, Redis and schema within one second; the answer is kept for two."""
    with _state.lock:
        if time.monotonic() - _state.asked_at >= CACHE_SECONDS:
            _state.report = ask_all()
            _state.asked_at = time.monotonic()
        return _state.report


def ask_all() -> Report:
    """Every check side by side, none waited for beyond the budget."""
    _state.pool = _state.pool or ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")
    deadline = time.monotonic() + BUDGET_SECONDS
    asked = {name: _state.pool.submit(check) for name, check in CHECKS.items()}
    answers = {}
    for name, future in asked.items():
        try:
            answers[name] = future.result(timeout=max(0.0, deadline - time.monotonic()))
        except FutureTimeout:
            answers[name] = f"no answer within {BUDGET_SECONDS:.0f} s"
        except Exception as error:  # noqa: BLE001  whatever is wrong with a dependency is the answer
            answers[name] = type(error).__name__
    return Report(answers)
