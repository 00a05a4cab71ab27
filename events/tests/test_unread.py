"""How far a client has read, and what it is told about where it stands."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from events.hub import Hub
from events.hub.connection import Connection
from events.hub.unread import Unread
from events.tests.clients import SECONDS, a_while
from events.tests.network import ORDERS, Network, follower, frame


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A hub that reads nothing: events are handed to it."""
    hub = Hub()
    hub.open_channel(ORDERS, epoch="e", last=0)
    yield hub
    await hub.stop()


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
    network = Asked()
    connection, _ = await follower(hub, network=network)
    connection.unread = Unread(counts=True)
    return connection, network


async def test_client_that_shows_no_sign_of_reading__is_asked_once_and_sent_no_more_than_a_window(
    hub: Hub, window: int
) -> None:
    connection, network = await silent_follower(hub)

    for seq in range(1, 31):
        hub.deliver(hub.channels[ORDERS], frame(seq))
    await a_while()

    assert network.seqs() == list(range(1, window + 1))
    assert len(network.answers) == 1
    assert len(connection.backlog) == 20


async def test_answer__frees_what_was_sent_before_the_question(hub: Hub, window: int) -> None:
    connection, network = await silent_follower(hub)
    for seq in range(1, 31):
        hub.deliver(hub.channels[ORDERS], frame(seq))

    async with asyncio.timeout(SECONDS):
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

    async with asyncio.timeout(SECONDS):
        while connection.backlog:
            await asyncio.sleep(0.01)
            connection.ponged()

    assert network.seqs() == list(range(1, 301))
    assert connection.ending is None
    assert [text["pos"] for text in pings(network)][:1] == [{}]


# --- Where it stands -------------------------------------------------------------------------------------------------
def pings(network: Network) -> list[dict[str, Any]]:
    return [orjson.loads(text) for text in network.texts() if b'"ping"' in text]


async def test_ping_while_events_are_handed_out__comes_after_those_it_names(hub: Hub) -> None:
    connection, network = await follower(hub)
    handing_out = hub.channels[ORDERS].begin([frame(1), frame(2)])

    hub.keeper.look_after(connection, connection.next_ping_at)
    handing_out.finish()
    await asyncio.sleep(0)

    assert network.texts() == [b"1", b"2", b'{"type":"ping","pos":{"events:orders":2}}']


async def test_ping_during_a_replay__does_not_name_the_channel(hub: Hub) -> None:
    connection, network = await follower(hub)
    connection.catching_up[ORDERS] = []
    hub.deliver(hub.channels[ORDERS], frame(1))

    hub.keeper.look_after(connection, connection.next_ping_at)
    await asyncio.sleep(0)

    assert [ping["pos"] for ping in pings(network)] == [{}]
