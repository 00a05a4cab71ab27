"""The door for WebSockets: lets in, translates messages, and hands everything else to the hub."""

from events.consumers.commands import MAX_CHANNELS
from events.consumers.door import RealtimeConsumer

__all__ = ["MAX_CHANNELS", "RealtimeConsumer"]
