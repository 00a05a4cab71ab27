"""PostgreSQL as django-prometheus measures it, and how many statements each request needs."""

import os
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper as Plain
from django_prometheus import models
from django_prometheus.db import metrics
from django_prometheus.db.backends.postgresql import base
from prometheus_client import Counter

if TYPE_CHECKING:
    from django.db.models import Model

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


# The package's mixin for models would miss every write of many rows at once.
WRITES = {"INSERT INTO": models.model_inserts, "UPDATE": models.model_updates, "DELETE FROM": models.model_deletes}
WRITE = re.compile(rf'({"|".join(WRITES)}) "(\w+)"')
written_rows: dict[tuple[str | Any, ...], Counter] = {}


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

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = Plain.get_connection_params(self)
        return {**params, "cursor_factory": measured(params["cursor_factory"])}


@cache
def measured(kind: type[Any]) -> type[Any]:
    """Cursors that count and time their statements under the package's names; it looks labels up for each of them."""
    executed, executed_many = (
        series.labels(ALIAS, VENDOR) for series in (metrics.execute_total, metrics.execute_many_total)
    )
    duration = metrics.query_duration_seconds.labels(ALIAS, VENDOR)

    class Measured(kind):  # whichever Django has chosen
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            executed.inc()
            return self.timed(super().execute, query, params, **options)

        def executemany(self, query: Any, rows: Sequence[Any], **options: Any) -> Any:
            executed.inc(len(rows))
            executed_many.inc(len(rows))
            return self.timed(super().executemany, query, rows, **options)

        def timed(self, execute: Callable[..., Any], *args: Any, **options: Any) -> Any:
            started = perf_counter()
            try:
                return execute(*args, **options)
            except Exception as error:
                metrics.errors_total.labels(ALIAS, VENDOR, type(error).__name__).inc()
                raise
            finally:
                duration.observe(perf_counter() - started)

    return Measured


_of_the_parent: list[object] = []


def leave_connections_to_the_parent() -> None:
    """After a fork: what the child sent would be taken for the parent's. They are kept, so that none is closed."""
    _of_the_parent.extend(DatabaseWrapper._connection_pools.values())
    DatabaseWrapper._connection_pools.clear()
    for own in connections.all(initialized_only=True):
        _of_the_parent.append(own.connection)
        own.connection = None


os.register_at_fork(after_in_child=leave_connections_to_the_parent)


def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001  Django's signature
    """Around every statement."""
    if own := statements.get():
        own.count += 1
    answer = execute(sql, params, many, context)
    if isinstance(sql, str) and (write := WRITE.match(sql)) and (rows := written_rows.get(write.groups())):
        rows.inc(max(context["cursor"].rowcount, 0))
    return answer


def count_rows_of(*kinds: "type[Model]") -> None:
    """Count what is written to these tables by Django's statements, many rows in one as many, by the model's name."""
    for kind in kinds:
        table, name = kind._meta.db_table, kind._meta.model_name
        for verb, series in WRITES.items():
            written_rows[verb, table] = series.labels(name)
