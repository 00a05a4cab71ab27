"""A node that leaves each event to a timer of its own, as one that starts a task for each does."""

import asyncio
import random

from coupon_site.asgi import application
from events.hub.connection import Connection
from events.hub.frame import Batch

__all__ = ["application"]


def hand(self: Connection, batch: Batch) -> None:
    for frame in batch.frames:
        asyncio.get_running_loop().call_later(random.random() / 100, self.offer, frame)


Connection.hand = hand
