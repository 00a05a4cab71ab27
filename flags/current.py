"""The snapshot of this process, and how it stays new.

Whoever checks a flag when the snapshot is older than a second looks for a newer one; others keep the old one meanwhile.
Redis is asked first; when it can't answer, the database, in a thread with a connection of its own, so that no caller's
transaction and no event loop is touched. When neither answers, the last good snapshot stays, of whatever age.
"""

import logging
import os
import threading
import time

from django.db import connection

from flags import mirror, queries
from flags.breaker import Breaker
from flags.document import Document
from flags.listener import Listener
from flags.metrics import REFRESH_ERRORS, SNAPSHOT_AGE, SNAPSHOT_VERSION, forget_counts
from flags.snapshot import NOTHING, Snapshot, snapshot_of

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
# A process that has nothing yet waits so long for the database; its first answers may be declared defaults after that.
FIRST_WAIT_SECONDS = 0.25


class CurrentSnapshot:
    """One per process."""

    def __init__(self) -> None:
        self.start_anew()
        self.forget()

    def start_anew(self) -> None:
        """Locks and threads do not survive a fork; what is known does."""
        self._due = 0.0
        self._looking = threading.RLock()
        self._inside = False
        self._installing = threading.Lock()
        self._asking_database = False
        self._listener = Listener(self.look_now)

    def forget(self) -> None:
        """Know nothing, as at the start of the process."""
        with self._looking:
            self.snapshot: Snapshot = NOTHING
            self._checked_at: float | None = None
            self._looked = False
            self._due = 0.0
            self._redis = Breaker()
            self._database = Breaker()

    def get(self) -> Snapshot:
        """The flags as this process knows them, at most one look per second. Never raises."""
        if time.monotonic() >= self._due:
            self._refresh()
        return self.snapshot

    def look_now(self) -> None:
        """Redis says that something changed: do not wait for the second to pass, nor for the breaker."""
        with self._looking:
            self._redis.succeeded()
            self._look()

    def install(self, document: Document) -> None:
        """Answer from these flags, if they are newer."""
        with self._installing:
            if document.version > self.snapshot.version:
                self.snapshot = snapshot_of(document)

    def age(self) -> float:
        """Seconds since this process last made sure of its flags, after trying to now; 0.0 before first use."""
        if not self._looked:
            return 0.0
        self.get()
        return time.monotonic() - (self._checked_at or 0.0)

    def _refresh(self) -> None:
        # Only the first look of all is worth waiting for: there is nothing to answer from before it.
        if not self._looking.acquire(blocking=not self._looked):
            return
        try:
            if time.monotonic() >= self._due:
                self._look()
        finally:
            self._looking.release()

    def _look(self) -> None:
        if self._inside:  # a log handler or the like that checks a flag while we look
            return
        self._inside = True
        try:
            if not self._ask_redis():
                self._ask_database(wait=not self._looked)
            self._listener.ensure()
        finally:
            self._looked = True
            self._due = time.monotonic() + FRESH_SECONDS
            self._inside = False

    def _ask_redis(self) -> bool:
        """Whether Redis had an answer."""
        if not self._redis.closed:
            return False
        try:
            version = mirror.version()
            if version is not None and version > self.snapshot.version:
                self.install(mirror.document())
        except Exception as error:  # noqa: BLE001  no check of a flag may fail for what is wrong here
            self._failed("redis", self._redis, error)
            return False
        self._redis.succeeded()
        if version is not None:
            self._checked_at = time.monotonic()
        return version is not None

    def _ask_database(self, *, wait: bool) -> None:
        if self._asking_database or not self._database.closed:
            return
        self._asking_database = True
        done = threading.Event()
        threading.Thread(target=self._read_database, args=[done], name="flags-database", daemon=True).start()
        if wait:
            done.wait(FIRST_WAIT_SECONDS)

    def _read_database(self, done: threading.Event) -> None:
        try:
            if queries.set_version() > self.snapshot.version:
                self.install(queries.read_document())
            self._database.succeeded()
            self._checked_at = time.monotonic()
        except Exception as error:  # noqa: BLE001  as above
            self._failed("database", self._database, error)
        finally:
            connection.close()
            self._asking_database = False
            done.set()

    def _failed(self, source: str, breaker: Breaker, error: Exception) -> None:
        breaker.failed()
        REFRESH_ERRORS.labels(source).inc()
        logger.warning(
            "Flags can't be read from %s (%s): answering from version %s", source, error, self.snapshot.version
        )


current = CurrentSnapshot()


def in_child() -> None:
    """After a fork."""
    current.start_anew()
    forget_counts()


os.register_at_fork(after_in_child=in_child)
SNAPSHOT_AGE.set_function(current.age)
SNAPSHOT_VERSION.set_function(lambda: current.snapshot.version)
