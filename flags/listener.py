"""Hears of new versions by pub/sub, so that changes arrive in milliseconds. Looking once a second is the guarantee.

It has time to tell how often flags are checked, too.
"""

import threading
import time
from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from coupon_site.redis import blocking_client
from flags import mirror
from flags.breaker import FIRST_SECONDS, LONGEST_SECONDS
from flags.usage import reporter

SILENCE_SECONDS = 10.0


class Listener:
    """One daemon thread per process, started by `ensure` and never before."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._thread: threading.Thread | None = None

    def ensure(self) -> None:
        """Start the thread, if this process has none that lives. To be called under a lock."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="flags-listener", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause = FIRST_SECONDS
        while True:
            began = time.monotonic()
            try:
                self._listen()
            except (redis.RedisError, OSError):
                # A connection that held for long starts the pauses anew.
                pause = FIRST_SECONDS if time.monotonic() - began > LONGEST_SECONDS else min(2 * pause, LONGEST_SECONDS)
            time.sleep(pause)

    def _listen(self) -> None:
        with blocking_client(retry=Retry(NoBackoff(), 0)) as client, client.pubsub() as subscription:
            subscription.subscribe(mirror.CHANGED)
            while True:
                self._hear(subscription)
                reporter.report_when_due()

    def _hear(self, subscription: PubSub) -> None:
        """One message, or a sign of life after a silence; a server that gives none is left."""
        message = subscription.get_message(timeout=SILENCE_SECONDS)
        if message is None:
            subscription.ping()
            message = subscription.get_message(timeout=SILENCE_SECONDS)
        if message is None:
            raise redis.TimeoutError("No answer to a ping")
        if message["type"] in {"subscribe", "message"}:
            self._heard()
