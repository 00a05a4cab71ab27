"""Every figure of the reconciliation in one prepared statement: for tests that ask thousands of times."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from monitoring.queries.invariants import APPS

# An instant that no row knows: where it stands in a statement, now is meant.
SENTINEL = datetime(1971, 2, 3, 4, 5, 6, tzinfo=UTC)
INSTANT = re.compile(r"'(197\d-[\d :.+-]+)'::timestamptz")


class Books:
    """Takes down what each invariant asks PostgreSQL, once; `broken` asks all of it at once."""

    def __init__(self) -> None:
        checks = {name: count for invariants in APPS.values() for name, count in invariants.items()}
        self.names = list(checks)
        columns = ", ".join(" + ".join(f"({one})" for one in statements_of(count)) for count in checks.values())
        with connection.cursor() as cursor:
            # As soon as psycopg has prepared something itself, it drops everything prepared at each rollback.
            self.threshold, connection.connection.prepare_threshold = connection.connection.prepare_threshold, None
            cursor.execute("DEALLOCATE ALL")
            cursor.cursor.execute(f"PREPARE books (timestamptz) AS SELECT {columns}".encode())

    def close(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE books")
        connection.connection.prepare_threshold = self.threshold

    def broken(self) -> dict[str, int]:
        """Every invariant that does not hold, with the number of rows that break it."""
        with connection.cursor() as cursor:
            cursor.execute("EXECUTE books (%s)", [timezone.now()])
            figures = cursor.fetchone()
        return {name: rows for name, rows in zip(self.names, figures, strict=True) if rows}


def statements_of(count: Callable[[], int]) -> list[str]:
    """What an invariant asks, with the parameter where it says now; where it asks several things, it adds them."""
    statements: list[str] = []

    def take_down(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        statements.append(connection.cursor().cursor.mogrify(sql, params))
        return execute(sql, params, many, context)

    with at_sentinel(), connection.execute_wrapper(take_down):
        count()
    return [INSTANT.sub(relative, statement) for statement in statements]


def relative(instant: re.Match[str]) -> str:
    """The parameter, as much earlier as the instant is before the sentinel."""
    seconds = (SENTINEL - datetime.fromisoformat(instant[1])).total_seconds()
    return f"($1 - interval '{seconds} seconds')"


@contextmanager
def at_sentinel() -> Iterator[None]:
    now = timezone.now
    timezone.now = lambda: SENTINEL
    try:
        yield
    finally:
        timezone.now = now
