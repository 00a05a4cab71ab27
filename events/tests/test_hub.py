"""One reader, many sockets: order, holes, other lives of a stream, servers that are away, clients that are slow."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.models import User
from coupon_site.redis import client as redis_client
from events.hub import Hub
from events.hub.channel import Channel
from events.hub.connection import Connection
from events.hub.frame import Frame
from events.hub.reader import Reader
from events.hub.socket import Socket
from events.hub.viewer import Viewer
from events.hub.wire import DaphneWire, bare
from events.models import OutboxChannel, OutboxEvent
from events.tests.clients import SECONDS, a_while, announce_and_relay, caught_up, in_control, relay_all
from events.tickets import Identity

ORDERS = "events:orders"
PERMISSION = "perm:orders.view_order"
Connect = Callable[..., Any]

committing = pytest.mark.django_db(transaction=True)


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def stream() -> str:
    return f"rt:{{{ORDERS}}}:{OutboxChannel.objects.get(channel=ORDERS).epoch}"


# --- Order and holes -------------------------------------------------------------------------------------------------
@committing
async def test_every_socket__gets_the_same_order(superuser: User, connect: Connect) -> None:
    clients = [await connect(superuser) for _ in range(3)]

    await announce_and_relay(count=300)

    seen = [[event["id"] for event in await client.events(300)] for client in clients]
    assert seen == [list(range(1, 301))] * 3


@committing
async def test_hub_that_starts_late__does_not_repeat_the_past(superuser: User) -> None:
    await announce_and_relay(count=3)

    async with hub_and_client(superuser) as (hub, wire):
        await announce_and_relay()
        await caught_up(hub, 4)

        await a_while()
        assert wire.ids() == [4]


@committing
async def test_hub_that_starts_late__has_the_past_at_hand_for_those_who_come_back(
    superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await announce_and_relay(count=30)

    async def recover(*_: object, **__: object) -> NoReturn:
        raise AssertionError("asked Redis for one client")

    monkeypatch.setattr(Reader, "recover", recover)
    async with hub_and_client(superuser) as (hub, wire):
        delays = figure("realtime_delivery_delay_seconds_count")
        connection = next(iter(hub.everyone()))
        await hub.subscribe(connection, ORDERS, since=10, epoch=hub.channels[ORDERS].epoch)
        await a_while()

        assert wire.ids() == list(range(11, 31))
        assert figure("realtime_delivery_delay_seconds_count") == delays


def test_large_events__take_no_more_memory_than_small_ones() -> None:
    channel = Channel(ORDERS, epoch="e", last=0)

    for seq in range(1, 11):
        channel.begin([Frame("x" * (1 << 20), channel=ORDERS, seq=seq)])

    assert [frame.seq for frame in channel.ring] == list(range(3, 11))
    assert channel.ring_covers(2)
    assert not channel.ring_covers(1)


@committing
async def test_hub_that_starts_before_redis_is_put_back__does_not_repeat_the_past(superuser: User) -> None:
    await announce_and_relay(count=3)
    key = await database_sync_to_async(stream)()
    redis_client().delete(key)

    async with hub_and_client(superuser) as (hub, wire):
        assert hub.channels[ORDERS].last == 3
        await database_sync_to_async(relay_all)()
        await announce_and_relay()
        await caught_up(hub, 4)

        await a_while()
        assert wire.ids() == [4]


@committing
async def test_entry_missing_from_the_stream__is_taken_from_the_database(
    superuser: User, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(superuser)
    await announce_and_relay(count=2)
    await client.events(2)
    forget_entries(monkeypatch, {3, 4})

    await announce_and_relay(count=4)

    assert [event["id"] for event in await client.events(4)] == [3, 4, 5, 6]


def forget_entries(monkeypatch: pytest.MonkeyPatch, seqs: set[int]) -> None:
    """XREAD and XRANGE of this process do not see these numbers."""
    take, recover = Reader.take, Reader.recover

    async def take_others(self: Reader, channel: Channel, entries: list[Any]) -> None:
        await take(self, channel, [entry for entry in entries if int(entry[0].partition(b"-")[0]) not in seqs])

    async def recover_without_stream(self: Reader, channel: Channel, *, first: int, last: int) -> list[Frame]:
        await self.redis.xdel(channel.key, *[f"{seq}-0" for seq in seqs])
        return await recover(self, channel, first=first, last=last)

    monkeypatch.setattr(Reader, "take", take_others)
    monkeypatch.setattr(Reader, "recover", recover_without_stream)


@committing
async def test_hole_that_nobody_can_fill__is_told_once_and_counted(
    superuser: User, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(superuser)
    await announce_and_relay(count=1)
    await client.events(1)
    before = figure("realtime_gap_total", reason="trimmed")
    forget_entries(monkeypatch, {2, 3})
    await announce_and_relay(count=2)
    await database_sync_to_async(OutboxEvent.objects.filter(seq__in=[2, 3]).delete)()

    await announce_and_relay()

    gap = await client.frame()
    assert (gap["type"], gap["from"], gap["to"], gap["reason"]) == ("gap", 2, 3, "trimmed")
    assert [event["id"] for event in await client.events(1)] == [4]
    assert figure("realtime_gap_total", reason="trimmed") == before + 1


@committing
async def test_foreign_entry__is_left_out(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)
    await announce_and_relay()
    await client.events(1)
    key = await database_sync_to_async(stream)()

    redis_client().xadd(key, {"nonsense": "x"}, id="1-5")
    await announce_and_relay()

    assert [event["id"] for event in await client.events(1)] == [2]


@committing
async def test_redis_flushed__costs_clients_nothing(superuser: User, connect: Connect) -> None:
    client = await connect(superuser)
    await announce_and_relay(count=3)

    redis_client().flushall()
    await announce_and_relay(count=3)

    assert [event["id"] for event in await client.events(6)] == [1, 2, 3, 4, 5, 6]


@committing
async def test_new_epoch__is_a_gap_and_then_goes_on(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser)
    await announce_and_relay(count=3)
    await client.events(3)
    await in_control()

    await database_sync_to_async(go_back_to_the_first)()
    await database_sync_to_async(relay_all)()
    gap = await client.frame()
    await announce_and_relay()

    assert (gap["type"], gap["reason"], gap["from"], gap["to"]) == ("gap", "epoch", 3, 1)
    assert [event["id"] for event in await client.events(1)] == [2]


def go_back_to_the_first() -> None:
    """The database is restored from an older backup."""
    OutboxEvent.objects.filter(seq__gt=1).delete()
    OutboxChannel.objects.filter(channel=ORDERS).update(last_seq=1, published_seq=1)


# --- Servers away ----------------------------------------------------------------------------------------------------
@committing
async def test_redis_away__sockets_stay_open_are_told_and_miss_nothing(
    superuser: User, connect: Connect, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(superuser)
    read, away = Reader.look, [True]

    async def look(self: Reader) -> None:
        if away:
            raise RedisConnectionError("gone")
        await read(self)

    monkeypatch.setattr(Reader, "look", look)
    monkeypatch.setattr(Reader, "read", look)
    hub.restart_reader()
    assert await client.frame() == {"type": "status", "state": "degraded"}
    late = await connect(superuser, greeted=False)
    assert {"type": "status", "state": "degraded"} in await late.greeting()

    await announce_and_relay(count=2)
    monkeypatch.undo()
    away.clear()

    assert await client.frame() == {"type": "status", "state": "ok"}
    assert [event["id"] for event in await client.events(2)] == [1, 2]


@committing
async def test_redis_away_at_the_start__the_database_says_where_channels_stand(
    superuser: User, settings: Settings
) -> None:
    await announce_and_relay(count=3)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    async with hub_and_client(superuser) as (hub, _):
        assert hub.degraded
        assert (hub.channels[ORDERS].last, hub.channels[ORDERS].epoch) == (3, await database_sync_to_async(epoch)())


def epoch() -> str:
    return OutboxChannel.objects.get(channel=ORDERS).epoch


# --- Slow clients ----------------------------------------------------------------------------------------------------
class Wire:
    """The server's side of a socket, whose network can be blocked."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.busy = False
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.open.wait()
        if self.busy:
            await asyncio.sleep(0)
        self.sent.append(message)

    def ids(self) -> list[int]:
        return ids([json.loads(message["text"]) for message in self.sent if "text" in message])


def ids(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["id"] for frame in frames if "data" in frame]


def staff_connection(hub: Hub, wire: Wire) -> Connection:
    viewer = Viewer(user=User(email="staff@example.com"), access={ORDERS: PERMISSION}, identity=Identity(user=0))
    connection = Connection(hub=hub, socket=Socket(wire.send), viewer=viewer, endpoint="realtime")
    hub.join(connection)
    return connection


def event(seq: int, *, audience: tuple[str, ...] = (PERMISSION,), pad: str = "") -> Frame:
    text = json.dumps({"channel": ORDERS, "data": {"pad": pad}, "id": seq})
    return Frame(text, channel=ORDERS, seq=seq, audience=audience)


@pytest.fixture
async def quiet_hub(settings: Settings) -> AsyncIterator[Hub]:
    """A hub that reads nothing: events are handed to it."""
    settings.REALTIME_MAX_QUEUE = 50
    hub = Hub()
    hub.open_channel(ORDERS, epoch="e", last=0)
    yield hub
    await hub.stop()


async def test_stalled_client__is_cut_off_and_holds_up_nobody(quiet_hub: Hub) -> None:
    stalled, healthy = Wire(), Wire()
    stalled.open.clear()
    slow, fast = staff_connection(quiet_hub, stalled), staff_connection(quiet_hub, healthy)
    for connection in (slow, fast):
        await quiet_hub.subscribe(connection, ORDERS)
    before = (
        figure("realtime_slow_evictions_total"),
        figure("websocket_disconnections_total", endpoint="realtime", reason="slow_consumer"),
    )

    for seq in range(1, 201):
        quiet_hub.deliver(quiet_hub.channels[ORDERS], event(seq))
        await asyncio.sleep(0)
    await a_while()
    stalled.open.set()
    await a_while()

    assert healthy.ids() == list(range(1, 201))
    assert stalled.sent[-1] == {"type": "websocket.close", "code": 4410}
    assert quiet_hub.everyone() == [fast]
    assert len(slow.backlog) == 0
    after = (
        figure("realtime_slow_evictions_total"),
        figure("websocket_disconnections_total", endpoint="realtime", reason="slow_consumer"),
    )
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


async def test_burst_longer_than_a_queue__costs_no_client_that_reads(
    quiet_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.hub.hub.PATIENCE_SECONDS", 0.5)
    stalled, healthy = Wire(), Wire()
    stalled.open.clear()
    healthy.busy = True
    slow, fast = staff_connection(quiet_hub, stalled), staff_connection(quiet_hub, healthy)
    for connection in (slow, fast):
        await quiet_hub.subscribe(connection, ORDERS)
    fields = {b"d": b"{}", b"a": PERMISSION.encode(), b"t": b"0"}
    burst = [(f"{seq}-0".encode(), {**fields, b"d": b'{"data":{},"id":%d}' % seq}) for seq in range(1, 501)]

    await quiet_hub.reader.take(quiet_hub.channels[ORDERS], burst)
    for _ in range(200):
        await asyncio.sleep(0)

    assert healthy.ids() == list(range(1, 501))
    assert fast.ending is None
    assert slow.ending == "slow_consumer"


async def test_queue__is_bounded_in_bytes_too(quiet_hub: Hub, settings: Settings) -> None:
    settings.REALTIME_MAX_QUEUE_BYTES = 10_000
    wire = Wire()
    wire.open.clear()
    connection = staff_connection(quiet_hub, wire)
    await quiet_hub.subscribe(connection, ORDERS)

    for seq in range(1, 10):
        quiet_hub.deliver(quiet_hub.channels[ORDERS], event(seq, pad="x" * 4000))
    await asyncio.sleep(0)

    assert connection.ending == "slow_consumer"


async def test_server_that_never_waits__is_looked_at_by_its_buffer(quiet_hub: Hub, settings: Settings) -> None:
    settings.REALTIME_FAST_PATH = "off"
    wire, transport = Wire(), Transport()
    connection = staff_connection(quiet_hub, wire)
    connection.socket.wire = DaphneWire(Protocol(transport), transport)
    await quiet_hub.subscribe(connection, ORDERS)
    transport._tempDataLen = 1 << 20

    for seq in range(1, 101):
        quiet_hub.deliver(quiet_hub.channels[ORDERS], event(seq))
    await a_while()

    assert wire.ids() == []
    assert connection.ending == "slow_consumer"
    assert transport.aborted


async def test_client_that_only_listens__is_alive_by_its_websocket(quiet_hub: Hub) -> None:
    connection = staff_connection(quiet_hub, Wire())
    protocol = Protocol(Transport())
    connection.socket.wire = DaphneWire(protocol, protocol.transport)

    quiet_hub.keeper.look_after(connection, connection.next_ping_at)
    protocol.onPong(b"of the server's own ping")
    assert connection.pinged_at is not None
    protocol.onPong(protocol.pings[0])
    quiet_hub.keeper.look_after(connection, connection.next_ping_at - 1)

    assert len(protocol.pings) == 1
    assert connection.pinged_at is None
    assert connection.ending is None


class Protocol:
    """daphne's socket."""

    STATE_OPEN = state = 3

    def __init__(self, transport: "Transport") -> None:
        self.transport = transport
        self.pings: list[bytes] = []
        self.onPong: Callable[[bytes], None] = lambda payload: None

    def sendPing(self, payload: bytes) -> None:  # noqa: N802  autobahn's name
        self.pings.append(payload)

    def sendCloseFrame(self, code: int) -> None: ...  # noqa: N802  the same


class Transport:
    """What daphne's connection shows of its buffer."""

    dataBuffer = b""  # noqa: N815  Twisted's name
    offset = 0
    _tempDataLen = 0  # noqa: N815  Twisted's name
    aborted = False

    def fileno(self) -> int:
        return -1

    def abortConnection(self) -> None:  # noqa: N802  Twisted's name
        self.aborted = True


async def test_send_that_fails__ends_the_writer_and_nothing_else(quiet_hub: Hub) -> None:
    async def broken(message: Mapping[str, Any]) -> None:
        raise OSError("gone")

    wire = Wire()
    wire.send = broken  # type: ignore[method-assign]
    connection, other = staff_connection(quiet_hub, wire), Wire()
    for each in (connection, staff_connection(quiet_hub, other)):
        await quiet_hub.subscribe(each, ORDERS)

    quiet_hub.deliver(quiet_hub.channels[ORDERS], event(1))
    await a_while()

    assert connection.writer.done()
    assert other.ids() == [1]


def test_session_middleware__is_left_out_of_the_way_of_frames() -> None:
    class Middleware:
        def __init__(self, send: Any) -> None:
            self.real_send = send

        async def send(self, message: Mapping[str, Any]) -> None: ...

    async def server(message: Mapping[str, Any]) -> None: ...

    assert bare(Middleware(Middleware(server).send).send) is server


# --- Catching up -----------------------------------------------------------------------------------------------------
async def test_live_events_during_a_replay__come_after_it_and_once(
    quiet_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire()
    connection, channel = staff_connection(quiet_hub, wire), quiet_hub.channels[ORDERS]
    channel.last = 5

    async def recover(channel: Channel, *, first: int, last: int) -> list[Frame]:
        quiet_hub.deliver(channel, event(6))  # meanwhile
        await asyncio.sleep(0)
        return [event(seq) for seq in range(first, last + 1)]

    monkeypatch.setattr(quiet_hub.reader, "recover", recover)

    await quiet_hub.subscribe(connection, ORDERS, since=2)
    quiet_hub.deliver(channel, event(7))
    await a_while()

    assert wire.ids() == [3, 4, 5, 6, 7]


async def test_replay_larger_than_the_queue__leaves_room_for_what_comes(quiet_hub: Hub) -> None:
    wire, channel = Wire(), quiet_hub.channels[ORDERS]
    connection = staff_connection(quiet_hub, wire)
    quiet_hub.deliver(channel, *[event(seq) for seq in range(1, 301)])

    await quiet_hub.subscribe(connection, ORDERS, since=0)
    quiet_hub.deliver(channel, *[event(seq) for seq in range(301, 340)])
    await a_while()

    assert wire.ids() == list(range(1, 340))


@pytest.mark.parametrize(("since", "last"), [(0, 20_000), (10, 1_500)])
async def test_too_much_to_replay__is_a_gap(
    quiet_hub: Hub, monkeypatch: pytest.MonkeyPatch, since: int, last: int
) -> None:
    wire = Wire()
    connection = staff_connection(quiet_hub, wire)
    quiet_hub.channels[ORDERS].last = last

    async def recover(channel: Channel, *, first: int, last: int) -> list[Frame]:
        return [event(seq) for seq in range(first, last + 1)]

    monkeypatch.setattr(quiet_hub.reader, "recover", recover)

    await quiet_hub.subscribe(connection, ORDERS, since=since)
    await a_while()

    subscribed, gap = [json.loads(message["text"]) for message in wire.sent]
    assert (subscribed["recovered"], subscribed["id"]) == (False, last)
    assert (gap["type"], gap["reason"], gap["from"], gap["to"]) == ("gap", "limit", since, last)


# --- Audience --------------------------------------------------------------------------------------------------------
USERS = [str(uuid4()) for _ in range(4)]


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(addressed=st.lists(st.sets(st.sampled_from(USERS)), min_size=1, max_size=30), seed=st.integers())
async def test_whatever_is_published__nobody_sees_a_foreign_frame_and_nobody_misses_one(
    addressed: list[set[str]], seed: int
) -> None:
    hub = Hub()
    hub.open_channel(ORDERS, epoch="e", last=0)
    wires = {name: Wire() for name in [*USERS, "staff"]}
    for name, wire in wires.items():
        key = PERMISSION if name == "staff" else f"user:{name}"
        viewer = Viewer(user=User(email=f"{name}@example.com"), access={ORDERS: key}, identity=Identity(user=0))
        connection = Connection(hub=hub, socket=Socket(wire.send), viewer=viewer, endpoint="realtime")
        hub.join(connection)
        await hub.subscribe(connection, ORDERS)

    for seq, names in enumerate(addressed, 1):
        keys = [PERMISSION, *[f"user:{name}" for name in names]]
        random.Random(seed).shuffle(keys)
        hub.deliver(hub.channels[ORDERS], event(seq, audience=tuple(keys)))
    await a_while(10)
    await hub.stop()

    for name, wire in wires.items():
        expected = [seq for seq, names in enumerate(addressed, 1) if name == "staff" or name in names]
        assert wire.ids() == expected


# --- Figures ---------------------------------------------------------------------------------------------------------
@committing
async def test_connections__are_counted_from_the_living_ones(superuser: User, connect: Connect) -> None:
    client, other = await connect(superuser), await connect(superuser, "/api/v1/monitoring/ws")
    assert figure("websocket_active_connections", endpoint="realtime") == 1
    assert figure("websocket_active_connections", endpoint="monitoring") == 1
    assert figure("socketio_connections") == 2
    assert figure("realtime_subscriptions", channel=ORDERS) == 1
    before = figure("websocket_disconnections_total", endpoint="realtime", reason="normal")
    broken = figure("websocket_disconnections_total", endpoint="monitoring", reason="error")

    await client.disconnect(code=1000)
    await other.disconnect(code=1006)

    assert figure("socketio_connections") == 0
    assert figure("realtime_subscriptions", channel=ORDERS) == 0
    assert figure("websocket_disconnections_total", endpoint="realtime", reason="normal") == before + 1
    assert figure("websocket_disconnections_total", endpoint="monitoring", reason="error") == broken + 1


@committing
async def test_deliveries__are_counted_and_timed(superuser: User, connect: Connect) -> None:
    names = ["realtime_messages_processed_total", "realtime_deliveries_total", "realtime_delivery_delay_seconds_count"]
    clients = [await connect(superuser) for _ in range(2)]
    before = counted(names)

    await announce_and_relay(count=3)
    for client in clients:
        await client.events(3)

    assert [after - old for after, old in zip(counted(names), before, strict=True)] == [3, 6, 3]


def counted(names: list[str]) -> list[float]:
    labels = [{"channel": ORDERS}, {"channel": ORDERS, "transport": "ws"}, {}]
    return [figure(name, **each) for name, each in zip(names, labels, strict=True)]


@asynccontextmanager
async def hub_and_client(user: User) -> AsyncIterator[tuple[Hub, Wire]]:
    """A hub that starts now, with one follower; what it gets."""
    hub = Hub()
    hub.start()
    async with asyncio.timeout(SECONDS):
        await hub.ready.wait()
    wire = Wire()
    connection = staff_connection(hub, wire)
    await hub.subscribe(connection, ORDERS)
    try:
        yield hub, wire
    finally:
        await hub.stop()
