"""One of many: a PostgreSQL advisory lock says who does what only one process may do."""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection as django_connection
from psycopg.rows import dict_row

logger = logging.getLogger(__name__)

Session = psycopg.Connection[dict[str, Any]]

# Found dead within half a minute when the network swallows it, instead of two hours.
KEEP_ALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "connect_timeout": 5,
}
DJANGO_ONLY = {"context", "cursor_factory", "prepare_threshold"}


class Leadership:
    """The lock of one role, held by a session of its own: who loses one loses the other.

    A session that says nothing for `silence_seconds` is ended by PostgreSQL, so that a leader that was stopped does
    not keep the others waiting. `options` are PostgreSQL's, for the leader's own statements.
    """

    def __init__(self, role: str, *, silence_seconds: int = 15, options: Mapping[str, str] = {}) -> None:
        self.role = role
        self.silence_seconds = silence_seconds
        self.options = options
        self.session: Session | None = None
        self.leads = False

    def hold(self) -> bool:
        """Whether this process leads, now: takes the lock when nobody has it. False while PostgreSQL is away."""
        try:
            session = self.session or self.connect()
            query = "SELECT 1" if self.leads else "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS taken"
            row = session.execute(query, None if self.leads else [f"leadership {self.role}"]).fetchone()
        except psycopg.Error as error:
            logger.warning("leadership of %s: %s", self.role, error)
            self.resign()
            return False
        self.leads = self.leads or bool(row and row["taken"])
        return self.leads

    def connect(self) -> Session:
        """A direct connection: through a pool of transactions the lock would belong to nobody."""
        self.session = psycopg.connect(**address(), **KEEP_ALIVE, autocommit=True, row_factory=dict_row)
        for setting, seconds in self.session_settings().items():
            self.session.execute("SELECT set_config(%s, %s, false)", [setting, str(seconds)])
        return self.session

    def session_settings(self) -> dict[str, int | str]:
        """What PostgreSQL is to do about a session that is silent, or whose machine is gone."""
        silence = f"{self.silence_seconds}s"
        return {
            "idle_session_timeout": silence,
            "idle_in_transaction_session_timeout": silence,
            "tcp_keepalives_idle": KEEP_ALIVE["keepalives_idle"],
            "tcp_keepalives_interval": KEEP_ALIVE["keepalives_interval"],
            "tcp_keepalives_count": KEEP_ALIVE["keepalives_count"],
            **self.options,
        }

    def resign(self) -> None:
        """Give the lock back, with the session."""
        session, self.session, self.leads = self.session, None, False
        if session is not None:
            session.close()


def address() -> dict[str, Any]:
    """Where PostgreSQL itself is, when settings.DATABASES names a pool of transactions in front of it."""
    if settings.DATABASE_DIRECT_URL:
        return {"conninfo": settings.DATABASE_DIRECT_URL}
    options: dict[str, Any] = django_connection.get_connection_params()
    return {name: value for name, value in options.items() if name not in DJANGO_ONLY}
