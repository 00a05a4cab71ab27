"""What ASGI does not offer, where the server does: what waits in its buffer, pings, any close code, letting go."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from events.hub.frame import Frame

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Socket:
    """The sending half of one connection. What goes beyond ASGI is looked for, and done without where it is missing."""

    def __init__(self, send: Send) -> None:
        self.send = bare(send)
        self.protocol = protocol_of(self.send)
        self.transport: Any = getattr(self.protocol, "transport", None)

    def write(self, frame: Frame) -> Awaitable[None]:
        """Send a frame."""
        return self.send(frame.message)

    def buffered_bytes(self) -> int:
        """What the server holds and the network has not taken. daphne's send() never waits, so somebody has to look."""
        if not hasattr(self.transport, "_tempDataLen"):
            return 0
        waiting: int = len(self.transport.dataBuffer) - self.transport.offset + self.transport._tempDataLen
        return waiting

    def ping(self, answered: Callable[[], None]) -> None:
        """Ask the other side's WebSocket, which answers by itself: a client that only listens is alive too."""
        if hasattr(self.protocol, "sendPing"):
            self.protocol.onPong = lambda payload: answered()
            self.protocol.sendPing()

    async def close(self, code: int) -> None:
        """Say goodbye. daphne's own way refuses the standard codes above 1000."""
        if code < 3000 and hasattr(self.protocol, "sendCloseFrame"):
            self.protocol.sendCloseFrame(code)
        else:
            await self.send({"type": "websocket.close", "code": code})

    def abort(self) -> None:
        """Drop the connection with all that waits for it: a close frame would stand in line behind it."""
        drop = getattr(self.transport, "abortConnection", None) or getattr(self.transport, "abort", None)
        if drop is not None:
            drop()


def bare(send: Send) -> Send:
    """The server's own send: the session middleware looks at the session again for every frame."""
    owner: Any = getattr(send, "__self__", None)
    return bare(owner.real_send) if hasattr(owner, "real_send") else send


def protocol_of(send: Send) -> Any:
    """The server's protocol object: daphne binds it as an argument, uvicorn as the owner of the method."""
    if isinstance(send, partial):
        return send.args[0] if send.args else None
    return getattr(send, "__self__", None)
