"""Statements that are planned once."""

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor  # type: ignore[attr-defined]  # not in the stubs
from django.db.backends.utils import CursorWrapper

from coupon_site.database.base import measured


def prepared_cursor() -> CursorWrapper:
    """A cursor whose statements PostgreSQL plans once for each connection (settings.DATABASES: `prepare_threshold`).

    For writes that every order makes. Reads are planned anew: their tables grow meanwhile.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = measured(ServerBindingCursor)(connection.connection)
    wrapped: CursorWrapper = connection._prepare_cursor(cursor)  # type: ignore[attr-defined]  # as cursor() does
    return wrapped
