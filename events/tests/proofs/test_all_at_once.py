"""Sockets and streams side by side: everyone gets everything in order, what was rolled back is never heard of."""

import asyncio
import time
from statistics import median

import psycopg
import pytest
from django.utils import timezone

from benchmarks.listeners import SocketListener, until
from events.services.writing import INSERT_FACTS
from events.tests.proofs.audience import Audience, all_hear, size
from tests.live_events import NODES, STAFF, LiveEvents, facts

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

COUNT = size(2_000, 10_000)
EACH = size(20, 200)


async def test_burst__reaches_every_socket_and_every_stream_in_order(
    site: LiveEvents, audience: Audience, node: str
) -> None:
    listeners = [*await audience.sockets(node, EACH), *await audience.streams(node, EACH)]
    last = site.standing()[1]

    await asyncio.to_thread(site.tell, COUNT)

    await all_hear(listeners, last + 1, last + COUNT, seconds=240)


async def test_node_that_keeps_no_order__is_found_out(site: LiveEvents, audience: Audience) -> None:
    """The control: were nothing ever out of order, the test above would prove nothing."""
    command = NODES["uvicorn"].replace("coupon_site.asgi", "events.tests.proofs.in_any_order")
    with site.beside("scatterer", command):
        [listener] = await audience.sockets("scatterer", 1)
        last = site.standing()[1]

        await asyncio.to_thread(site.tell, 100)
        await until(lambda: len(listener.ids) == 100, 60)

        assert sorted(listener.ids) == list(range(last + 1, last + 101))
        with pytest.raises(AssertionError):
            await all_hear([listener], last + 1, last + 100, seconds=0)


@pytest.mark.parametrize("kept", [False, True], ids=["rolled-back", "committed"])
async def test_rolled_back__is_never_heard_of(site: LiveEvents, audience: Audience, *, kept: bool) -> None:
    """The control: committed, the same is heard by everyone."""
    listeners = [listener for node in NODES for listener in await audience.sockets(node, 1)]
    last = site.standing()[1]

    with psycopg.connect(site.servers.database_url) as session:
        session.execute(INSERT_FACTS, {"at": timezone.now(), "facts": facts(range(5), (STAFF,), 0)})
        (session.commit if kept else session.rollback)()
    await asyncio.to_thread(site.tell, 1)

    await all_hear(listeners, last + 1, last + (6 if kept else 1))


async def test_lost_wake_up__costs_a_poll_and_no_more(site: LiveEvents, audience: Audience, node: str) -> None:
    [listener] = await audience.sockets(node, 1)

    heard = [await delay(site, listener, ring=True) for _ in range(9)]
    lost = [await delay(site, listener, ring=False) for _ in range(9)]

    assert median(lost) < median(heard) + 0.3


async def test_relay_that_hardly_looks__is_late_without_the_bell(site: LiveEvents, audience: Audience) -> None:
    """The control: were nobody late without the poll, the test above would prove nothing."""
    with site.instead("relay", site.commands["relay"].replace("manage.py", "-m events.tests.proofs.hardly_looks")):
        [listener] = await audience.sockets("uvicorn", 1)
        await asyncio.to_thread(site.tell, 1)
        await asyncio.to_thread(site.settle)
        heard = [await delay(site, listener, ring=True) for _ in range(3)]
        lost = [await delay(site, listener, ring=False) for _ in range(3)]

    assert median(lost) > median(heard) + 0.3


async def delay(site: LiveEvents, listener: SocketListener, *, ring: bool) -> float:
    """Seconds from the commit of an event, which somebody rings for or not, until it is heard."""
    count = len(listener.ids)
    await asyncio.to_thread(site.tell, 1, ring=ring)
    began = time.monotonic()
    await until(lambda: len(listener.ids) > count, 60)
    return time.monotonic() - began
