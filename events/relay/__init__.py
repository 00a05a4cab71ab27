"""From the outbox to Redis: events get their number after commit, by one process, without holes."""

from events.relay.relay import Relay

__all__ = ["Relay"]
