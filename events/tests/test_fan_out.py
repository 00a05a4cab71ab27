"""One read's events go to each client in one piece, and nobody is passed over while that takes several turns."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings

from events.hub import Hub
from events.hub.fanout import TURN_WRITES
from events.hub.frame import Batch, message_of
from events.hub.reader import runs
from events.tests.clients import a_while
from events.tests.network import ORDERS, STAFF, follower, frame, texts_of


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A hub that reads nothing: events are handed to it."""
    hub = Hub()
    hub.open_channel(ORDERS, epoch="e", last=0)
    yield hub
    await hub.stop()


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
    await a_while()
    hub.deliver(hub.channels[ORDERS], frame(3))

    assert [list(texts_of(data)) for data in network.writes] == [[b"1", b"2"], [b"3"]]
    assert connection.backlog.bytes == 0


async def test_reply__stands_in_front_of_what_comes(hub: Hub) -> None:
    connection, network = await follower(hub)

    connection.push(frame(1))
    hub.deliver(hub.channels[ORDERS], frame(2))
    await a_while()

    assert network.seqs() == [1, 2]


async def test_socket_that_closes__gets_nothing_more(hub: Hub) -> None:
    connection, network = await follower(hub)
    network.closing = True

    hub.deliver(hub.channels[ORDERS], frame(1))
    await a_while()

    assert network.writes == []
    assert connection.writer.done()


async def test_fast_path_switched_off__sends_by_asgi(hub: Hub, settings: Settings) -> None:
    settings.REALTIME_FAST_PATH = "off"
    _, network = await follower(hub)

    hub.deliver(hub.channels[ORDERS], frame(1))
    await a_while()

    assert network.writes == []
    assert network.sent == [{"type": "websocket.send", "text": "1"}]


def test_runs__end_at_holes_and_at_the_largest_write() -> None:
    frames = [frame(seq) for seq in (1, 2, 4, 5, 6)]

    assert [[each.seq for each in run] for run in runs(frames, count=2)] == [[1, 2], [4, 5], [6]]


def test_batch__knows_its_size() -> None:
    batch = Batch([frame(1), frame(2)])

    assert (batch.count, batch.size, batch.on_the_wire) == (2, 2, b"\x81\x011\x81\x012")
