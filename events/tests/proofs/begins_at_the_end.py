"""A node that goes on at the end of a stream whenever it has lost Redis, as a reader of `$` does."""

from coupon_site.asgi import application
from events.hub.channel import Channel
from events.hub.reader import Reader

__all__ = ["application"]

look = Reader.look


async def look_at_the_end(self: Reader) -> None:
    await look(self)
    for channel in self.hub.channels.values():
        await move_to_the_end(self, channel)


async def move_to_the_end(self: Reader, channel: Channel) -> None:
    if self.hub.degraded and channel.epoch:
        channel.last = max(channel.last, await self.last_seq(channel.name, channel.epoch))


Reader.look = look_at_the_end
