"""PostgreSQL as django-prometheus measures it, and how many statements each request needs."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django_prometheus.db import metrics
from django_prometheus.db.backends.postgresql import base

ALIAS, VENDOR = "default", "postgresql"
FIRST_ERRORS = ("OperationalError", "IntegrityError", "UniqueViolation", "DeadlockDetected", "QueryCanceled")

for _series in (
    metrics.connections_total,
    metrics.connection_errors_total,
    metrics.execute_total,
    metrics.execute_many_total,
    metrics.query_duration_seconds,
):
    _series.labels(ALIAS, VENDOR)
for _error in FIRST_ERRORS:
    metrics.errors_total.labels(ALIAS, VENDOR, _error)


class Statements:
    """How many a request has sent so far, in whichever of its threads."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


statements: ContextVar[Statements | None] = ContextVar("statements", default=None)


class DatabaseWrapper(base.DatabaseWrapper):
    """One for each thread, told to count."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(count)


def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001  Django's signature
    """Around every statement."""
    if own := statements.get():
        own.count += 1
    return execute(sql, params, many, context)
