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


async def test_rolled_back__is_never_heard_of(site: LiveEvents, audience: Audience) -> None:
    listeners = [listener for node in NODES for listener in await audience.sockets(node, 1)]
    last = site.standing()[1]

    with psycopg.connect(site.servers.database_url) as session:
        session.execute(INSERT_FACTS, {"at": timezone.now(), "facts": facts(range(5), (STAFF,), 0)})
        session.rollback()
    await asyncio.to_thread(site.tell, 1)

    await all_hear(listeners, last + 1, last + 1)


async def test_lost_wake_up__costs_a_poll_and_no_more(site: LiveEvents, audience: Audience, node: str) -> None:
    [listener] = await audience.sockets(node, 1)

    delays = [await delay(site, listener) for _ in range(9)]

    assert median(delays) < 0.3


async def delay(site: LiveEvents, listener: SocketListener) -> float:
    """Seconds from the commit of an event that nobody rang for until it was heard."""
    count = len(listener.ids)
    await asyncio.to_thread(site.tell, 1, ring=False)
    began = time.monotonic()
    await until(lambda: len(listener.ids) > count, 10)
    return time.monotonic() - began
