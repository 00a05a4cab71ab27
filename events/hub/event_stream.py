"""The sending half of one stream of server-sent events, in the shape of a socket."""

from collections.abc import Callable, Mapping, Sequence

from coupon_site.api.event_stream import COMMENT, write
from events.hub.channel import Channel
from events.hub.frame import Frame
from events.hub.wire import Send, bare, takes_nothing, wire_of

Cursor = dict[str, tuple[str, int]]
"""Channel → epoch and number of the last event that the client has."""


class EventStream:
    """Every event carries where the client stands on all of its channels, so that it can come back to that."""

    transport_name = "sse"
    acknowledges = False

    def __init__(self, send: Send, *, channels: Mapping[str, Channel], cursor: Cursor) -> None:
        self.asgi_send = bare(send)
        self.wire = wire_of(self.asgi_send)
        self.channels = channels
        self.cursor = cursor
        self.buffered_bytes = self.wire.buffered_bytes
        self.abort = self.wire.abort
        self.take = takes_nothing  # how an answer is divided into chunks is the server's business

    async def write(self, frames: Sequence[Frame]) -> None:
        """Send frames as one part of the answer."""
        await self.send(b"".join([self.part(frame) for frame in frames]))

    def part(self, frame: Frame) -> bytes:
        """A ping becomes a comment, which keeps proxies from closing a quiet stream."""
        return COMMENT if frame.body.get("type") == "ping" else self.head(frame) + frame.data_line()

    def head(self, frame: Frame) -> bytes:
        """What stands above the data: the kind of a notice, and the cursor where it has moved."""
        if frame.channel:
            epoch, _ = self.cursor[frame.channel]
            # A channel that nothing was ever said on has got its epoch with its first event.
            self.cursor[frame.channel] = epoch or self.channels[frame.channel].epoch, frame.seq
            return self.id_line()
        notice = f"event: {frame.body.get('type', 'message')}\n".encode()
        match frame.body:
            case {"type": "gap", "channel": str(channel), "epoch": str(epoch), "to": int(last)}:
                self.cursor[channel] = epoch, last
                return notice + self.id_line()
            # One who resumes is told where the channel stands, and gets there by the events that follow.
            case {"type": "subscribed", "channel": str(channel), "epoch": str(epoch), "id": int(last)}:
                self.cursor.setdefault(channel, (epoch, last))
                return notice + self.id_line()
        return notice

    def id_line(self) -> bytes:
        return f"id: {text_of(self.cursor)}\n".encode()

    async def send(self, body: bytes, *, more: bool = True) -> None:
        await write(self.asgi_send, body, more=more)

    def ping(self, answered: Callable[[], None]) -> bool:
        """Nobody answers on a stream; that the other side is gone, the server says."""
        answered()
        return True

    async def close(self, code: int) -> None:
        """End the stream and say why: the codes are those of the sockets."""
        await self.send(f'event: closed\ndata: {{"type":"closed","code":{code}}}\n\n'.encode(), more=False)


def text_of(cursor: Cursor) -> str:
    """`channel=epoch:number`, with commas between."""
    return ",".join(f"{channel}={epoch}:{seq}" for channel, (epoch, seq) in cursor.items())


def cursor_of(text: str) -> Cursor:
    """What `text_of` wrote. Raises ValueError for anything else."""
    cursor: Cursor = {}
    for part in filter(None, text.split(",")):
        channel, _, position = part.partition("=")
        epoch, _, seq = position.partition(":")
        if not (channel and seq.isascii() and seq.isdigit() and len(seq) <= 18):
            raise ValueError(f"{part[:100]!r} is no position on a channel")
        cursor[channel] = epoch, int(seq)
    return cursor
