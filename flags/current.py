"""The snapshot of this process, and how it stays new.

Whoever checks a flag when the snapshot is older than a second looks for a newer one; others keep the old one meanwhile.
Redis is asked first; when it can't answer, the database, over a connection of its own, so that no caller's transaction
and no event loop is touched. When neither answers, the last good snapshot stays, of whatever age; a process that has
none answers from the bootstrap file.
"""

import logging
import os
import threading
import time

from django.db import connection

from coupon_site.health import DEGRADED
from flags import bootstrap, mirror, queries
from flags.context import on_event_loop
from flags.document import Document
from flags.listener import Listener
from flags.metrics import SNAPSHOT_AGE, SNAPSHOT_VERSION, forget_counts
from flags.snapshot import NOTHING, Snapshot, snapshot_of
from flags.source import NoFlags, Question, Source
from flags.usage import reporter

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
STALE_SECONDS = 5.0
# A process that has nothing yet waits so long for the database; its first answers may be declared defaults after that.
FIRST_WAIT_SECONDS = 0.25


class CurrentSnapshot:
    """One per process."""

    def __init__(self) -> None:
        self.start_anew()
        self.forget()

    def start_anew(self) -> None:
        """Locks and threads do not survive a fork; what is known does."""
        self._turn = threading.Lock()
        self._installing = threading.Lock()
        self._listener = Listener(self.look_now)
        self._trust_sources()

    def forget(self) -> None:
        """Know nothing, as at the start of the process."""
        self._redis.settle()
        self._database.settle()
        self._trust_sources()
        self.snapshot: Snapshot = NOTHING
        self._checked_at = 0.0
        self._looked = False

    def _trust_sources(self) -> None:
        """Ask at the next check, whatever failed before."""
        self._redis = Source("redis", self._read_redis, self._heard, in_time=mirror.TIMEOUT_SECONDS)
        self._database = Source("database", self._read_database, self._heard)
        self._is_coming = False  # a newer document from Redis
        self._due = 0.0

    def get(self) -> Snapshot:
        """The flags as this process knows them, at most one look per second. Never raises."""
        if time.monotonic() >= self._due:
            self._refresh()
        return self.snapshot

    def look_now(self) -> None:
        """Redis says that something changed: do not wait for the second to pass, nor for the breaker."""
        self._redis.ask_here()

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
        return time.monotonic() - self._checked_at

    @property
    def looked(self) -> bool:
        """Whether the first look is over."""
        return self._looked

    @property
    def stale(self) -> bool:
        """Whether nobody has confirmed the flags for a while."""
        return time.monotonic() - self._checked_at > STALE_SECONDS

    def _refresh(self) -> None:
        if isinstance(threading.current_thread(), Question):  # what a look logs may check a flag
            return
        # Only the first look of all is worth waiting for: there is nothing to answer from before it.
        if not self._turn.acquire(blocking=not self._looked):
            return
        try:
            if time.monotonic() >= self._due:
                self._look()
        except RuntimeError as error:
            logger.warning("No thread to look for newer flags: %s", error)
        finally:
            self._looked = True
            self._turn.release()

    def _look(self) -> None:
        began, is_stuck = time.monotonic(), self._redis.is_asked
        # On an event loop nobody waits: what Redis says is good for the checks after it.
        patience = 0 if self._looked and on_event_loop() else mirror.TIMEOUT_SECONDS
        answered = self._redis.ask(patience=patience)
        # A document on its way is waited for till the next look: thousands of flags take more than 50 ms.
        is_coming = self._is_coming or (not patience and self._redis.is_asked)
        if not answered and (is_stuck or not self._looked or not is_coming):
            self._database.ask(patience=0 if self._looked else FIRST_WAIT_SECONDS)
        if self.snapshot is NOTHING:
            self._begin_with(bootstrap.snapshot())
        self._due = began + FRESH_SECONDS
        self._listener.ensure()

    def _begin_with(self, snapshot: Snapshot) -> None:
        with self._installing:
            if self.snapshot is NOTHING:
                self.snapshot = snapshot

    def _heard(self, newer: Document | None) -> None:
        """A source has answered; None: nothing is newer."""
        if newer is not None:
            self.install(newer)
        self._checked_at = time.monotonic()

    def _read_redis(self) -> Document | None:
        version = mirror.version()
        if version is None:
            raise NoFlags
        if version <= self.snapshot.version:
            return None
        self._is_coming = True
        try:
            return mirror.document()
        finally:
            self._is_coming = False

    def _read_database(self) -> Document | None:
        try:
            return queries.read_document() if queries.set_version() > self.snapshot.version else None
        finally:
            connection.close()


current = CurrentSnapshot()


def ask_flags() -> str:
    """For readiness: whether Redis or the database has ever given this process its flags."""
    snapshot = current.get()
    if snapshot.version > NOTHING.version:
        return "ok"
    substitute = "declared defaults answer" if snapshot is NOTHING else "the bootstrap file answers"
    return f"{DEGRADED}: neither Redis nor the database has given flags, {substitute}"


def in_child() -> None:
    """After a fork."""
    current.start_anew()
    forget_counts()
    reporter.start_anew()


os.register_at_fork(after_in_child=in_child)
SNAPSHOT_AGE.set_function(current.age)
SNAPSHOT_VERSION.set_function(lambda: current.snapshot.version)
