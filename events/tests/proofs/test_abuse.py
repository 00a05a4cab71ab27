"""Every way to be a nuisance ends with its own code and is counted, on both servers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack

import pytest

from benchmarks.listeners import SocketListener, open_socket, until
from events.tests.proofs.audience import Audience
from tests.live_events import NODES, LiveEvents

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

MAX_CONNECTIONS = 10
Nuisance = Callable[[SocketListener], None]


@pytest.fixture(scope="module")
def strict(site: LiveEvents) -> Iterator[dict[str, str]]:
    """Nodes that bear as little as on a real site, and less patiently."""
    limits = {
        "REALTIME_CONNECTIONS_PER_USER": MAX_CONNECTIONS,
        "REALTIME_PING_SECONDS": 1,
        "REALTIME_PONG_SECONDS": 6,  # whoever else stands still for a while stays
    }
    with ExitStack() as stack:
        for server, command in NODES.items():
            stack.enter_context(site.beside(f"strict-{server}", command, **limits))
        yield {server: f"strict-{server}" for server in NODES}


def oversize(listener: SocketListener) -> None:
    listener.say({"type": "ping", "ref": "x" * 9000})


def flood(listener: SocketListener) -> None:
    for _ in range(60):
        listener.say({"type": "pong"})


def malformed(listener: SocketListener) -> None:
    listener.write(b"{broken")


def not_an_object(listener: SocketListener) -> None:
    listener.write(json.dumps(["subscribe"]).encode())


def play_dead(listener: SocketListener) -> None:
    listener.answers = False


async def counted_once(figure: Callable[[], float], before: float) -> None:
    """A moment after the client is told."""
    await until(lambda: figure() > before, 60)
    assert figure() == before + 1


@pytest.mark.parametrize(
    ("nuisance", "code", "counted"),
    [
        (oversize, 1009, ("realtime_rejected_total", {"reason": "too_big"})),
        (flood, 4429, ("realtime_rejected_total", {"reason": "rate_limited"})),
        (malformed, 4400, ("realtime_rejected_total", {"reason": "bad_message"})),
        (not_an_object, 4400, ("realtime_rejected_total", {"reason": "bad_message"})),
        (play_dead, 4408, ("websocket_disconnections_total", {"endpoint": "realtime", "reason": "idle"})),
    ],
)
async def test_nuisance__ends_with_its_code_and_is_counted(
    site: LiveEvents,
    audience: Audience,
    strict: dict[str, str],
    *,
    node: str,
    nuisance: Nuisance,
    code: int,
    counted: tuple[str, dict[str, str]],
) -> None:
    name, labels = counted
    [listener, bystander] = await audience.sockets(strict[node], 2)
    before = site.figure(strict[node], name, **labels)

    nuisance(listener)

    assert await asyncio.wait_for(asyncio.shield(listener.closed), 60) == code
    await counted_once(lambda: site.figure(strict[node], name, **labels), before)
    assert not bystander.closed.done()


async def test_one_connection_too_many__is_refused_until_another_ends(
    site: LiveEvents, audience: Audience, strict: dict[str, str], node: str
) -> None:
    def refusals() -> float:
        return site.figure(strict[node], "realtime_rejected_total", reason="too_many")

    _, token = site.customers[2]
    first, *_ = await audience.sockets(strict[node], MAX_CONNECTIONS, token=token)
    before = refusals()

    port = site.ports[strict[node]]
    [refused] = await audience.add(1, lambda: open_socket(port, token))
    assert await asyncio.wait_for(asyncio.shield(refused.closed), 60) == 4409
    await counted_once(refusals, before)
    await audience.sockets(strict[node], 1, token=site.customers[3][1])  # others are not meant

    first.cut()
    await until_admitted(lambda: audience.sockets(strict[node], 1, token=token))


async def until_admitted(connect: Callable[[], Awaitable[object]]) -> None:
    """The server sees a while later that somebody has left."""
    for _ in range(200):
        try:
            await connect()
        except ConnectionError:
            await asyncio.sleep(0.1)
        else:
            return
    pytest.fail("still refused")


async def test_one_who_never_says_who_it_is__is_cut_off(
    site: LiveEvents, audience: Audience, strict: dict[str, str], node: str
) -> None:
    def silences() -> float:
        return site.figure(strict[node], "realtime_rejected_total", reason="auth_timeout")

    before = silences()
    header = {"Sec-WebSocket-Protocol": "coupon-site"}

    [silent] = await audience.add(1, lambda: open_socket(site.ports[strict[node]], "", headers=header))

    assert silent.status == 101
    assert await asyncio.wait_for(asyncio.shield(silent.closed), 60) == 4408
    assert silent.notices == []
    await counted_once(silences, before)


async def test_node_that_bears_everything__keeps_them_all(site: LiveEvents, audience: Audience) -> None:
    """The control: were it not for the limits, every one of them would stay."""
    command = NODES["uvicorn"].replace("coupon_site.asgi", "events.tests.proofs.bears_everything")
    nuisances = [oversize, flood, malformed, not_an_object, play_dead]
    with site.beside("patient", command, REALTIME_PING_SECONDS=1):
        header = {"Sec-WebSocket-Protocol": "coupon-site"}
        [silent] = await audience.add(1, lambda: open_socket(site.ports["patient"], "", headers=header))
        listeners = await audience.sockets("patient", max(MAX_CONNECTIONS + 1, len(nuisances)))
        last = site.standing()[1]

        for listener, nuisance in zip(listeners, nuisances, strict=False):
            nuisance(listener)
        await asyncio.sleep(6)
        await asyncio.to_thread(site.tell, 1)

        await until(lambda: all(each.ids.tolist() == [last + 1] for each in listeners), 60)
        assert not silent.closed.done()


async def test_after_all_of_it__the_node_serves_the_others(
    site: LiveEvents, audience: Audience, strict: dict[str, str], node: str
) -> None:
    [listener] = await audience.sockets(strict[node], 1)
    last = site.standing()[1]

    await asyncio.to_thread(site.tell, 1)

    await until(lambda: listener.ids.tolist() == [last + 1], 60)
