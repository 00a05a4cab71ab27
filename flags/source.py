"""Where a process reads its flags: asked beside the checks, so that nothing there can hold one up for long."""

import logging
import threading
import time
from collections.abc import Callable

from flags.breaker import Breaker
from flags.document import Document
from flags.metrics import REFRESH_ERRORS

logger = logging.getLogger(__name__)


class NoFlags(Exception):
    """The source is well, and empty."""


class Question(threading.Thread):
    """One look at a source."""


class Source:
    """Redis or the database. One question at a time, and none for a while after a failure.

    A client's time-out bounds one read of a socket; a name that nobody resolves, a handshake or a trickle take as long
    as they like. So each question has a thread, which whoever asks waits for only as long as it has patience.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Document | None],
        heard: Callable[[Document | None], None],
        *,
        in_time: float = float("inf"),
    ) -> None:
        """`read` gives newer flags or None, which `heard` is told; an answer after `in_time` opens the breaker, too."""
        self._name = name
        self._read = read
        self._heard = heard
        self._in_time = in_time
        self._breaker = Breaker()
        self._question: Question | None = None
        self._answered = False

    def ask(self, *, patience: float) -> bool:
        """Whether there was an answer within so many seconds. One that comes later is good for later checks."""
        if self.is_asked or not self._breaker.closed:
            return False
        self._answered = False
        self._question = Question(target=self.ask_here, name=f"flags-{self._name}", daemon=True)
        self._question.start()
        if patience:
            self._question.join(patience)
        return self._answered

    def ask_here(self) -> None:
        """Ask in this thread, whatever the breaker says. Never raises."""
        began = time.monotonic()
        try:
            newer = self._read()
        except NoFlags:
            self._breaker.succeeded()
        except Exception as error:  # noqa: BLE001  no check of a flag may fail for what is wrong here
            self._failed(error)
        else:
            if time.monotonic() - began <= self._in_time:
                self._breaker.succeeded()
            else:
                self._breaker.failed()
            self._tell(newer)

    def _tell(self, newer: Document | None) -> None:
        try:
            self._heard(newer)
            self._answered = True
        except Exception as error:  # noqa: BLE001  as above
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._breaker.failed()
        REFRESH_ERRORS.labels(self._name).inc()
        logger.warning("Flags can't be read from %s: %s", self._name, error)

    @property
    def is_asked(self) -> bool:
        """Whether a question waits for its answer."""
        return self._question is not None and self._question.is_alive()

    def settle(self) -> None:
        """Wait a little for the answer to a question at hand."""
        if self._question is not None:
            self._question.join(1)
