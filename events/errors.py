"""What handlers and processes of this app say to each other."""

from datetime import timedelta


class Defer(Exception):
    """Raised by a handler that wants to be called again later, without an attempt being counted."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"deferred for {seconds} s")
        self.delay = timedelta(seconds=seconds)


class UnknownHandler(LookupError):
    """A message names a handler that this process does not have."""


class LeaseLost(Exception):
    """Another worker has claimed the message since; whatever this one did for it must not be kept."""


class LeadershipLost(Exception):
    """The session that held the advisory lock is gone."""
