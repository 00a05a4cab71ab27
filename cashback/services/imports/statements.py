"""Set-based statements, where row by row would take hours."""

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
