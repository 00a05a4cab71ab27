"""One read's events go to each client in one piece, and nobody is passed over while that takes several turns."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from accounts.models import User
from events.hub import Hub
from events.hub.connection import Connection
from events.hub.fanout import TURN_WRITES
from events.hub.frame import Batch, Frame, message_of
from events.hub.reader import runs
from events.hub.socket import Socket
from events.hub.unread import Unread
from events.hub.viewer import Viewer
from events.hub.wire import Wire

ORDERS = "events:orders"
STAFF = "perm:orders.view_order"


class Network(Wire):
    """A known server, whose network takes everything unless it is blocked."""

    carries_frames = True

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
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

    def seqs(self) -> list[int]:
        return [seq for data in self.writes for seq in seqs_of(data)]


def seqs_of(data: bytes) -> list[int]:
    """The numbers of the events among some frames."""
    found = []
    while data:
        text, data = data[2 : 2 + data[1]], data[2 + data[1] :]
        found += [int(text)] if text.isdigit() else []
    return found


def frame(seq: int, *, audience: tuple[str, ...] = (STAFF,)) -> Frame:
    return Frame(str(seq), channel=ORDERS, seq=seq, audience=audience)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A hub that reads nothing: events are handed to it."""
    hub = Hub()
    hub.open_channel(ORDERS, epoch="e", last=0)
    yield hub
    await hub.stop()


async def follower(hub: Hub, *, key: str = STAFF) -> tuple[Connection, Network]:
    """A connection that follows, and has been greeted."""

    async def send(message: object) -> None: ...

    socket, network = Socket(send), Network()
    socket.wire, socket.direct = network, True
    viewer = Viewer(user=User(email="x@example.com"), access={ORDERS: key})
    connection = Connection(hub=hub, socket=socket, viewer=viewer, endpoint="realtime")
    hub.join(connection)
    await hub.subscribe(connection, ORDERS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    network.writes.clear()
    return connection, network


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_message__has_the_header_of_its_size(size: int) -> None:
    message = message_of(b"x" * size)

    assert message[0] == 0x81
    header = 2 if size < 126 else 4 if size < 65_536 else 10
    assert len(message) == header + size
    assert int.from_bytes(message[2:header], "big") == (size if header > 2 else 0)
    assert message[1] == {2: size, 4: 126, 10: 127}[header]


async def test_events_read_together__are_one_write_per_client(hub: Hub) -> None:
    followers = [await follower(hub) for _ in range(3)]

    await hub.fan_out(hub.channels[ORDERS], [frame(seq) for seq in (1, 2, 3)])

    assert [network.writes for _, network in followers] == [[b"\x81\x011\x81\x012\x81\x013"]] * 3


async def test_each_audience__gets_its_own_bytes(hub: Hub) -> None:
    (_, staff), (_, alice), (_, bob) = [await follower(hub, key=key) for key in (STAFF, "user:a", "user:b")]

    await hub.fan_out(
        hub.channels[ORDERS], [frame(1, audience=(STAFF, "user:a")), frame(2, audience=(STAFF, "user:b"))]
    )

    assert (staff.seqs(), alice.seqs(), bob.seqs()) == ([1, 2], [1], [2])


async def test_bytes__are_joined_once_for_all(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    followers = [await follower(hub) for _ in range(5)]
    built: list[bytes] = []

    def count(text: bytes) -> bytes:
        built.append(text)
        return message_of(text)

    monkeypatch.setattr("events.hub.frame.message_of", count)

    await hub.fan_out(hub.channels[ORDERS], [frame(1), frame(2)])

    assert built == [b"1", b"2"]
    assert len({id(network.writes[0]) for _, network in followers}) == 1


async def test_many_clients__are_served_in_turns(hub: Hub) -> None:
    followers = [await follower(hub) for _ in range(TURN_WRITES + 1)]
    turns: list[int] = []

    async def watch() -> None:
        while True:
            turns.append(sum(len(network.writes) for _, network in followers))
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await hub.fan_out(hub.channels[ORDERS], [frame(1)])
    watcher.cancel()

    assert any(0 < served <= TURN_WRITES for served in turns)
    assert all(len(network.writes) == 1 for _, network in followers)


async def test_fan_out_that_is_cancelled__passes_nobody_over(hub: Hub) -> None:
    followers = [await follower(hub) for _ in range(3 * TURN_WRITES)]
    handing_out = asyncio.create_task(hub.fan_out(hub.channels[ORDERS], [frame(1)]))
    await asyncio.sleep(0)

    handing_out.cancel()
    await asyncio.gather(handing_out, return_exceptions=True)

    assert all(len(network.writes) == 1 for _, network in followers)


async def test_client_that_follows_again_between_turns__gets_each_event_once(hub: Hub) -> None:
    followers = [await follower(hub) for _ in range(3 * TURN_WRITES)]
    channel = hub.channels[ORDERS]
    handing_out = asyncio.create_task(hub.fan_out(channel, [frame(1)]))
    await asyncio.sleep(0)
    waiting = [(connection, network) for connection, network in followers if not network.writes]
    (again, first), (gone, second), (resumed, third), *_ = waiting

    await hub.subscribe(again, ORDERS)
    hub.unsubscribe(gone, ORDERS)
    hub.unsubscribe(resumed, ORDERS)
    await hub.subscribe(resumed, ORDERS, since=1)
    await handing_out

    assert [network.seqs() for network in (first, second, third)] == [[1], [1], [1]]


async def test_what_is_queued__stands_in_front_of_what_comes(hub: Hub) -> None:
    connection, network = await follower(hub)
    network.blocked = True
    hub.deliver(hub.channels[ORDERS], frame(1))
    network.blocked = False

    hub.deliver(hub.channels[ORDERS], frame(2))
    await asyncio.sleep(0.01)
    hub.deliver(hub.channels[ORDERS], frame(3))

    assert [seqs_of(data) for data in network.writes] == [[1, 2], [3]]
    assert connection.backlog.bytes == 0


async def test_reply__stands_in_front_of_what_comes(hub: Hub) -> None:
    connection, network = await follower(hub)

    connection.push(frame(1))
    hub.deliver(hub.channels[ORDERS], frame(2))
    await asyncio.sleep(0.01)

    assert network.seqs() == [1, 2]


async def test_socket_that_closes__gets_nothing_more(hub: Hub) -> None:
    connection, network = await follower(hub)
    network.closing = True

    hub.deliver(hub.channels[ORDERS], frame(1))
    await asyncio.sleep(0.01)

    assert network.writes == []
    assert connection.writer.done()


async def test_fast_path_switched_off__sends_by_asgi(hub: Hub) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    connection, network = await follower(hub)
    connection.socket.direct, connection.socket.send = False, send  # type: ignore[union-attr]

    hub.deliver(hub.channels[ORDERS], frame(1))
    await asyncio.sleep(0.01)

    assert network.writes == []
    assert sent == [{"type": "websocket.send", "text": "1"}]


def test_runs__end_at_holes_and_at_the_largest_write() -> None:
    frames = [frame(seq) for seq in (1, 2, 4, 5, 6)]

    assert [[each.seq for each in run] for run in runs(frames, count=2)] == [[1, 2], [4, 5], [6]]


def test_batch__knows_its_size() -> None:
    batch = Batch([frame(1), frame(2)])

    assert (batch.count, batch.size, batch.on_the_wire) == (2, 2, b"\x81\x011\x81\x012")


# --- How far a client has read ---------------------------------------------------------------------------------------
@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many events a client may leave unread."""
    monkeypatch.setattr("events.hub.unread.MAX_FRAMES", 10)
    return 10


class Asked(Network):
    """A network whose other side answers when the test does."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Callable[[], None]] = []

    def ping(self, answered: Callable[[], None]) -> bool:
        self.answers.append(answered)
        return True


async def silent_follower(hub: Hub) -> tuple[Connection, Asked]:
    connection, _ = await follower(hub)
    network = Asked()
    connection.socket.wire = network  # type: ignore[union-attr]
    connection.unread = Unread(counts=True)
    return connection, network


async def test_client_that_shows_no_sign_of_reading__is_asked_once_and_sent_no_more_than_a_window(
    hub: Hub, window: int
) -> None:
    connection, network = await silent_follower(hub)

    for seq in range(1, 31):
        hub.deliver(hub.channels[ORDERS], frame(seq))
    await asyncio.sleep(0.02)

    assert network.seqs() == list(range(1, window + 1))
    assert len(network.answers) == 1
    assert len(connection.backlog) == 20


async def test_answer__frees_what_was_sent_before_the_question(hub: Hub, window: int) -> None:
    connection, network = await silent_follower(hub)
    for seq in range(1, 31):
        hub.deliver(hub.channels[ORDERS], frame(seq))

    async with asyncio.timeout(3):
        while connection.backlog:
            network.answers[-1]()
            await asyncio.sleep(0.01)

    assert network.seqs() == list(range(1, 31))
    assert len(network.answers) == 2


async def test_answer__says_nothing_of_what_was_sent_after_the_question(hub: Hub) -> None:
    connection, _ = await silent_follower(hub)

    hub.deliver(hub.channels[ORDERS], frame(1))
    connection.ping()
    hub.deliver(hub.channels[ORDERS], frame(2))
    connection.answered()

    assert connection.unread.frames == 1


async def test_question_by_message__overtakes_what_waits_for_its_answer(hub: Hub, window: int) -> None:
    connection, network = await follower(hub)
    connection.unread = Unread(counts=True)
    connection.replay([frame(seq) for seq in range(1, 301)])

    async with asyncio.timeout(3):
        while connection.backlog:
            await asyncio.sleep(0.01)
            connection.ponged()

    assert network.seqs() == list(range(1, 301))
    assert connection.ending is None
