"""One hub per server process: one reader of Redis, every socket of the process behind it."""

from events.hub.hub import Hub, hub_of_loop

__all__ = ["Hub", "hub_of_loop"]
