"""A hub that reads nothing, and clients whose network is the test's own."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from events.hub import Hub
from events.hub.connection import Connection
from events.hub.frame import Frame
from events.hub.socket import Socket
from events.hub.viewer import Viewer
from events.hub.wire import Wire
from events.tickets import Identity

ORDERS = "events:orders"
STAFF = "perm:orders.view_order"


class Network(Wire):
    """A known server, whose network takes everything unless it is blocked."""

    carries_frames = True

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.sent: list[Mapping[str, Any]] = []  # by ASGI
        self.blocked = self.closing = False

    def take(self, data: bytes) -> bool:
        if self.blocked or self.closing:
            return False
        self.writes.append(data)
        return True

    def write(self, data: bytes) -> None:
        if self.closing:
            raise ConnectionError
        self.writes.append(data)

    def buffered_bytes(self) -> int:
        return 1 << 20 if self.blocked else 0

    def texts(self) -> list[bytes]:
        return [text for data in self.writes for text in texts_of(data)]

    def seqs(self) -> list[int]:
        """The numbers of the events among the frames."""
        return [int(text) for text in self.texts() if text.isdigit()]


def texts_of(data: bytes) -> Iterator[bytes]:
    """The texts of short frames."""
    while data:
        yield data[2 : 2 + data[1]]
        data = data[2 + data[1] :]


def frame(seq: int, *, audience: tuple[str, ...] = (STAFF,)) -> Frame:
    return Frame(str(seq), channel=ORDERS, seq=seq, audience=audience)


async def follower(hub: Hub, *, key: str = STAFF, network: Network | None = None) -> tuple[Connection, Network]:
    """A connection that follows, and has been greeted."""

    async def send(message: Mapping[str, Any]) -> None:
        network.sent.append(message)

    network = network or Network()
    viewer = Viewer(user=User(email="x@example.com"), access={ORDERS: key}, identity=Identity(user=0))
    socket = Socket(send, wire=network)
    connection = Connection(hub=hub, socket=socket, viewer=viewer, endpoint="realtime")
    hub.join(connection)
    await hub.subscribe(connection, ORDERS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    network.writes.clear()
    network.sent.clear()
    return connection, network
