"""Handlers of processes that tests start."""

import time

from events import handles
from events.models import OutboxMessage
from events.tests.samples import Moved


@handles(Moved, topic="sample", transactional=False)
def take_a_while(message: OutboxMessage) -> None:
    """Work that SIGTERM may interrupt in the middle of a batch."""
    time.sleep(0.1)
