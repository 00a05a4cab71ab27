"""Imports whose tables the planner knows nothing of, or what was true of other rows, take no longer for that."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from cashback.models import Network
from cashback.tests.conftest import Books
from cashback.tests.factories import import_lines, line, worth

pytestmark = pytest.mark.django_db

INVOICES, SIZE = 160, 50
# A statement takes tenths of a second. One that loops over lines in a loop takes minutes.
PATIENCE = "30s"
TABLES = [
    f"cashback_{name}"
    for name in ("conversion", "conversionline", "importrow", "importjob", "cancellationmatch", "cashbackevent")
]
WITH_INDEXES = """
oid = ANY(%(tables)s::regclass[])
OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]))
"""


def say(rows: int, pages: int) -> None:
    """Have the catalogue say so of all tables, and nothing of their columns."""
    with connection.cursor() as cursor:
        values = {"tables": TABLES, "rows": rows, "pages": pages}
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = ANY(%(tables)s::regclass[])", values)
        cursor.execute(f"UPDATE pg_class SET reltuples = %(rows)s, relpages = %(pages)s WHERE {WITH_INDEXES}", values)  # noqa: S608


def analysed_before_commit() -> None:
    """Pages, but no rows: autovacuum came by while they were not committed, or dead."""
    say(rows=0, pages=1_000)


def never_analysed() -> None:
    say(rows=-1, pages=0)


def analysed() -> None:
    """What was true until now: nothing of the next file."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")


@pytest.mark.parametrize("known", [analysed_before_commit, never_analysed, analysed])
def test_whatever_the_statistics_say__no_statement_loops_over_lines_in_a_loop(
    tmp_path: Path, network: Network, broken: Books, known: Callable[[], None]
) -> None:
    lines = [
        line(f"C{number}" if number % 10 == 0 else str(number), f"I{item}", -1 if number % 10 == 0 else 1 + item % 3,
             customer=f"{number // 10}.0", at=f"2010-12-0{1 + (number % 10 == 0)} 08:26:00")
        for number in range(INVOICES) for item in range(SIZE)
    ]  # fmt: skip
    import_lines(tmp_path, [line("first", customer="1.0")])
    known()
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")

    first = import_lines(tmp_path, lines)
    seen = worth(network)
    known()
    again = import_lines(tmp_path, random.Random(1).sample(lines, len(lines)))
    known()
    grown = import_lines(tmp_path, [*lines, *(line(str(number), "more") for number in range(1, INVOICES, 10))])

    assert (first.created_count, first.clawbacks) == (INVOICES, INVOICES // 10 * SIZE)
    assert (again.created_count, again.amended_count, again.clawbacks) == (0, 0, 0)
    assert (grown.created_count, grown.amended_count) == (0, INVOICES // 10)
    assert worth(network).keys() == seen.keys()
    assert broken() == {}
