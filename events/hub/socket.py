"""The sending half of one WebSocket."""

from collections.abc import Callable, Sequence

from django.conf import settings

from events.hub.frame import Frame
from events.hub.wire import Send, Wire, bare, takes_nothing, wire_of


class Socket:
    """Writes frames onto the server's wire where that is known, and by ASGI where it is not."""

    transport_name = "ws"
    acknowledges = True  # a client answers pings, which shows how far it has read

    def __init__(self, send: Send, *, wire: Wire | None = None) -> None:
        self.send = bare(send)
        self.wire = wire or wire_of(self.send)
        self.direct = self.wire.carries_frames and settings.REALTIME_FAST_PATH != "off"
        self.take = self.wire.take if self.direct else takes_nothing

    async def write(self, frames: Sequence[Frame]) -> None:
        """Send frames, after those that were sent before."""
        if self.direct:
            self.wire.write(b"".join([frame.on_the_wire() for frame in frames]))
        else:
            for frame in frames:
                await self.send(frame.message)

    def ping(self, answered: Callable[[], None]) -> bool:
        """Ask the other side's WebSocket; whether that can be done without asking its program."""
        return self.wire.ping(answered)

    def buffered_bytes(self) -> int:
        """What the server holds and the network has not taken."""
        return self.wire.buffered_bytes()

    async def close(self, code: int) -> None:
        """Say goodbye."""
        if not self.wire.say_goodbye(code):
            await self.send({"type": "websocket.close", "code": int(code)})  # daphne takes nothing like an int

    def abort(self) -> None:
        """Drop the connection with all that waits for it."""
        self.wire.abort()
