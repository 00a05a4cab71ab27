"""Set-based statements, where row by row would take hours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


def fetch(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Every row of a statement's answer."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def run(sql: str, values: dict[str, Any]) -> int:
    """How many rows a statement wrote."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


@contextmanager
def hashed_joins() -> Iterator[None]:
    """Within a transaction: join by hashing, where both sides are as small as the batch.

    Of rows that have just come the planner's statistics know nothing. It takes thousands for one, and loops over them
    in a loop.
    """
    run("SET LOCAL enable_nestloop = off", {})
    yield
    run("SET LOCAL enable_nestloop TO DEFAULT", {})
