"""What ASGI does not offer, where the server does: whole frames on the wire, what waits there, pings, letting go."""

import struct
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from os import write as send_now  # what the network does not take, the server gets: full or gone, it knows what to do
from typing import Any

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Answered = Callable[[], None]


def takes_nothing(data: bytes) -> bool:
    """Where nothing is sent past a server's own queue."""
    return False


class Wire:
    """Beneath a server that is not known: ASGI is all there is."""

    __slots__ = ("hooked", "number", "pings", "protocol", "transport")

    carries_frames = False

    def __init__(self, protocol: Any = None, transport: Any = None) -> None:
        self.protocol = protocol
        self.transport = transport
        self.pings = 0
        self.hooked = False
        self.number = -1  # the socket's, by which the network takes at once what it can

    def take(self, data: bytes) -> bool:
        """Send whole frames if the socket is open and nothing waits in front of them; whether it was so."""
        return takes_nothing(data)

    def write(self, data: bytes) -> None:
        """Send whole frames after what waits. Raises ConnectionError when the socket is not open."""
        raise ConnectionError

    def buffered_bytes(self) -> int:
        """What the server holds and the network has not taken."""
        return 0

    def ping(self, answered: Answered) -> bool:
        """Ask the other side's WebSocket, which answers by itself; whether it can be asked."""
        return False

    def say_goodbye(self, code: int) -> bool:
        """Send a close frame where ASGI's way would not do; whether it was sent."""
        return False

    def abort(self) -> None:
        """Drop the connection with all that waits for it: a close frame would stand in line behind it."""
        drop = getattr(self.transport, "abortConnection", None) or getattr(self.transport, "abort", None)
        if drop is not None:
            drop()

    def next_ping(self) -> bytes:
        """Its number tells our own pings from those of the server."""
        self.pings += 1
        return struct.pack("!Q", self.pings)

    def is_answer(self, payload: bytes) -> bool:
        """Whether a pong answers the last of our pings, and so everything before it."""
        return bytes(payload) == struct.pack("!Q", self.pings)


class TwistedWire(Wire):
    """daphne: its send() never waits, so somebody has to look at what is left."""

    __slots__ = ()

    def buffered_bytes(self) -> int:
        waiting: int = len(self.transport.dataBuffer) - self.transport.offset + self.transport._tempDataLen
        return waiting


class DaphneWire(TwistedWire):
    """A WebSocket of daphne's: what the network takes at once needs no turn of the reactor."""

    __slots__ = ()

    carries_frames = True

    def __init__(self, protocol: Any, transport: Any) -> None:
        super().__init__(protocol, transport)
        self.number = transport.fileno()

    def take(self, data: bytes) -> bool:
        transport = self.transport
        if transport._tempDataLen or transport.dataBuffer or not self.is_open():
            return False
        try:
            sent = send_now(self.number, data)
        except OSError:
            sent = 0
        if sent < len(data):
            transport.write(data[sent:])
        return True

    def write(self, data: bytes) -> None:
        if not self.is_open():
            raise ConnectionError
        self.transport.write(data)

    def is_open(self) -> bool:
        transport = self.transport
        return bool(self.protocol.state == self.protocol.STATE_OPEN and transport.connected) and not (
            transport.disconnecting
        )

    def ping(self, answered: Answered) -> bool:
        def heard(payload: bytes) -> None:
            if self.is_answer(payload):
                answered()

        self.protocol.onPong = heard
        self.protocol.sendPing(self.next_ping())
        return True

    def say_goodbye(self, code: int) -> bool:
        """daphne's own way refuses the standard codes above 1000."""
        if code >= 3000:
            return False
        self.protocol.sendCloseFrame(code)
        return True


class AsyncioWire(Wire):
    """uvicorn."""

    __slots__ = ()

    def buffered_bytes(self) -> int:
        waiting: int = self.transport.get_write_buffer_size()
        return waiting


class UvicornWire(AsyncioWire):
    """A WebSocket of uvicorn's, in the clear."""

    __slots__ = ()

    carries_frames = True

    def __init__(self, protocol: Any, transport: Any) -> None:
        super().__init__(protocol, transport)
        self.number = transport.get_extra_info("socket").fileno()
        for part in ("request", "response"):  # of a handshake that is over, and an eighth of a connection's memory
            if message := getattr(protocol, part, None):
                message.headers.clear()

    def take(self, data: bytes) -> bool:
        transport = self.transport
        if transport.get_write_buffer_size() or transport.is_closing() or self.protocol.close_sent:
            return False
        try:
            sent = send_now(self.number, data)
        except OSError:
            sent = 0
        if sent < len(data):
            transport.write(data[sent:])
        return True

    def write(self, data: bytes) -> None:
        if self.protocol.close_sent or self.transport.is_closing():
            raise ConnectionError
        self.transport.write(data)

    def ping(self, answered: Answered) -> bool:
        if not hasattr(self.protocol, "handle_pong"):
            return False
        if not self.hooked:
            self.hooked, theirs = True, self.protocol.handle_pong
            self.protocol.handle_pong = partial(self.hear, theirs, answered)
        payload = self.next_ping()
        if not (self.protocol.close_sent or self.transport.is_closing()):
            self.transport.write(struct.pack("!BB", 0x89, len(payload)) + payload)
        return True

    def hear(self, theirs: Callable[[Any], None], answered: Answered, event: Any) -> None:
        if self.is_answer(event.data):
            answered()
        else:
            theirs(event)


def wire_of(send: Send) -> Wire:
    """What is known of the server behind a `send`."""
    protocol = protocol_of(send)
    transport: Any = getattr(protocol, "transport", None)
    if is_twisted(transport) and hasattr(protocol, "sendCloseFrame"):
        return DaphneWire(protocol, transport)
    if is_twisted(channel := getattr(getattr(protocol, "channel", None), "transport", None)):
        return TwistedWire(protocol, channel)
    if hasattr(transport, "get_write_buffer_size") and hasattr(transport, "is_closing"):
        known = hasattr(protocol, "close_sent") and hasattr(protocol, "conn")
        clear = known and transport.get_extra_info("sslcontext") is None
        return (UvicornWire if clear else AsyncioWire)(protocol, transport)
    return Wire(protocol, transport)


def is_twisted(transport: Any) -> bool:
    """Whether the object is Twisted's own connection, in the clear: what wraps one shows its attributes too."""
    return "_tempDataLen" in getattr(transport, "__dict__", {}) and not getattr(transport, "TLS", False)


def bare(send: Send) -> Send:
    """The server's own send: the session middleware looks at the session again for every frame."""
    owner: Any = getattr(send, "__self__", None)
    return bare(owner.real_send) if hasattr(owner, "real_send") else send


def protocol_of(send: Send) -> Any:
    """The server's protocol object: daphne binds it as an argument, uvicorn as the owner of the method."""
    if isinstance(send, partial):
        return send.args[0] if send.args else None
    return getattr(send, "__self__", None)
