"""A process that ends sends its clients elsewhere, one group after another."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.core.management import call_command
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from events.control import order_drain
from events.hub import Hub
from events.hub.gate import TooMany
from events.hub.viewer import Refused
from events.tests.clients import SECONDS, in_control
from events.tests.test_event_stream import Reader, reader_of

pytestmark = pytest.mark.django_db(transaction=True)

Connect = Callable[..., Any]
SCOPE: dict[str, Any] = {"headers": []}


@pytest.fixture(autouse=True)
def _quickly(settings: Settings) -> None:
    settings.REALTIME_DRAIN_SECONDS = 0.5


async def farewell(client: Any) -> tuple[int, int]:
    """When a client shall come again, and the code that ends its socket."""
    while (frame := await client.frame())["type"] != "draining":
        pass
    return frame["reconnect_in_ms"], await client.close_code()


async def test_everybody__is_told_a_time_of_their_own_and_leaves(superuser: User, connect: Connect, hub: Hub) -> None:
    clients = [await connect(superuser, greeted=False) for _ in range(20)]

    _, *ends = await asyncio.gather(hub.drain.run(), *[farewell(client) for client in clients])

    assert {code for _, code in ends} == {1012}
    times = sorted(moment for moment, _ in ends)
    assert len([moment for moment in times if moment < 250]) == 10
    assert times[-1] <= 500
    assert not hub.everyone()


async def test_groups__go_one_after_another(superuser: User, connect: Connect, hub: Hub) -> None:
    for _ in range(20):
        await connect(superuser, greeted=False)
    counts: list[int] = []

    draining = asyncio.create_task(hub.drain.run())
    while not draining.done():
        counts.append(len(hub.everyone()))
        await asyncio.sleep(0.01)

    assert sorted(counts, reverse=True) == counts
    assert {20, 10, 2} <= set(counts)


async def test_whoever_comes_meanwhile__is_refused(hub: Hub) -> None:
    await hub.drain.run()

    with pytest.raises(Refused) as refusal:
        hub.gate.enter(SCOPE)

    assert not isinstance(refusal.value, TooMany)
    assert (refusal.value.status, refusal.value.reason) == (503, "draining")


async def test_clients_that_go_by_themselves__are_not_waited_for(
    superuser: User, connect: Connect, hub: Hub, settings: Settings
) -> None:
    settings.REALTIME_DRAIN_SECONDS = 10.0
    client = await connect(superuser)
    draining = asyncio.create_task(hub.drain.run())
    await client.frame()
    await client.disconnect()

    async with asyncio.timeout(9):
        await draining


async def test_order_while_it_drains__waits_for_the_same_drain(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser)
    first = asyncio.create_task(hub.drain.run())
    await client.frame()

    await hub.drain.run()

    assert not hub.everyone()
    assert await client.receive_output(SECONDS) == {"type": "websocket.close", "code": 1012}
    await first


async def test_event_streams__end_too(superuser: User, hub: Hub) -> None:
    _, text = await database_sync_to_async(issue_token)(user=superuser, name="test")
    stream: Reader = reader_of(headers={"Authorization": f"Bearer {text}"})
    await stream.begin()

    draining = asyncio.create_task(hub.drain.run())

    assert (await stream.notice("draining"))["reconnect_in_ms"] <= 500
    assert (await stream.notice("closed"))["code"] == 1012
    await draining


async def test_order__is_obeyed_by_the_processes_of_that_host(superuser: User, connect: Connect, hub: Hub) -> None:
    client = await connect(superuser)
    await in_control()

    await sync_to_async(order_drain)(host="another.example")
    assert await client.receive_nothing(timeout=0.2)
    await sync_to_async(call_command)("drain_sockets", "--no-wait")

    assert (await farewell(client))[1] == 1012


# --- SIGTERM ---------------------------------------------------------------------------------------------------------
class Server:
    """What uvicorn's looks like from here."""

    should_exit = False

    def handle_exit(self, number: int, frame: object) -> None:
        self.should_exit = True


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that waits for SIGTERM."""
    server = Server()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    yield server
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
async def client(server: Server, superuser: User, connect: Connect) -> Any:
    """A client of a hub that has found that server."""
    return await connect(superuser)


async def test_sigterm__is_kept_back_until_everybody_has_left(server: Server, client: Any, hub: Hub) -> None:
    os.kill(os.getpid(), signal.SIGTERM)

    assert (await farewell(client))[1] == 1012
    async with asyncio.timeout(SECONDS):
        while not server.should_exit:  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.01)
    assert not hub.everyone()


async def test_second_sigterm__ends_the_server_at_once(server: Server, client: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    await client.frame()
    assert not server.should_exit

    os.kill(os.getpid(), signal.SIGTERM)

    assert server.should_exit


async def test_signal_of_a_process_that_serves_nothing__stays_its_own(hub: Hub) -> None:
    assert hub.drain.stock is None
    assert getattr(signal.getsignal(signal.SIGTERM), "__name__", "") != "begin"
