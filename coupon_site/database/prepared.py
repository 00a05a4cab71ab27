"""Statements that are planned once, and those that don't wait for each other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor  # type: ignore[attr-defined]  # not in the stubs
from django.db.backends.utils import CursorWrapper

from coupon_site.database.base import measured

unseen: ContextVar[list[Callable[[], object]] | None] = ContextVar("unseen", default=None)


def prepared_cursor() -> CursorWrapper:
    """A cursor whose statements PostgreSQL plans once for each connection (settings.DATABASES: `prepare_threshold`).

    For what every order needs, and only what finds its rows by an index in a table of any size.
    """
    own = connections[DEFAULT_DB_ALIAS]
    own.ensure_connection()
    with own.wrap_database_errors:
        cursor = measured(ServerBindingCursor)(own.connection)
    wrapped: CursorWrapper = own._prepare_cursor(cursor)  # type: ignore[attr-defined]  # as cursor() does
    return wrapped


@contextmanager
def pipelined() -> Iterator[None]:
    """Send statements without waiting for the answer to each; what is `seen_to` comes when all of them are answered.

    Nothing that counts rows at once, as the ORM's update() does, belongs in here.
    """
    own, checks = connections[DEFAULT_DB_ALIAS], list[Callable[[], object]]()
    own.ensure_connection()
    token = unseen.set(checks)
    try:
        with own.wrap_database_errors, own.connection.pipeline():
            yield
    finally:
        unseen.reset(token)
    for check in checks:
        check()


def seen_to(check: Callable[[], object]) -> None:
    """Look at the answer of a statement as soon as it is there."""
    checks = unseen.get()
    if checks is None:
        check()
    else:
        checks.append(check)
