"""The database as migrations left it, brought back after each test that commits.

Django truncates every table, runs the handlers of post_migrate and so makes other rows under other keys: half a second.
Here the tables that were written to are emptied, and the rows of migrations come back as they were: a few milliseconds.
"""

from django.db import connection, transaction
from django.test import TransactionTestCase

BYTES_TO_TRUNCATE = 4 << 20

WRITTEN = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relname = ANY(%s) AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""


class Pristine:
    """Made once, before the first test."""

    def __init__(self) -> None:
        self.tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        self.rows = {table: rows for table in self.tables if (rows := read(table))}

    def restore(self) -> None:
        """Foreign keys and triggers sleep meanwhile: all tables are emptied, append-only ones too."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(WRITTEN, [self.tables])
            sizes = dict(cursor.fetchall())
            if max(sizes.values()) > BYTES_TO_TRUNCATE:
                cursor.execute("TRUNCATE " + ", ".join(self.tables))
            else:
                cursor.execute("; ".join(f"DELETE FROM {table}" for table in sizes))  # noqa: S608  our own
            for table, rows in self.rows.items():
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)

    def replace_flush(self) -> None:
        """Have Django's tests that commit end with `restore`."""
        TransactionTestCase._fixture_teardown = lambda case: self.restore()


def read(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(copy)
