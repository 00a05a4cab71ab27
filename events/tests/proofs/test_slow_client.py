"""One client that does not read costs the others nothing, the server little, and is gone within ten seconds."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.listeners import until
from events.tests.proofs.audience import Audience, all_hear, size
from tests.live_events import NODES, LiveEvents

pytestmark = [pytest.mark.xdist_group("events"), pytest.mark.slow]

HEALTHY = size(10, 200)
COUNT = size(10_000, 20_000)
BYTES = 4000
AT_ONCE = 200
MEBIBYTE = 1 << 20
MORE_THAN_FITS = 16 * MEBIBYTE  # in the buffers of both sides; a machine may be too busy to tell as much in ten seconds


class Peak:
    """The most memory that a node had, looked at twice a second."""

    def __init__(self, measure: Callable[[], int]) -> None:
        self.measure = measure
        self.bytes = measure()
        self.task = asyncio.create_task(self.watch())

    async def watch(self) -> None:
        while True:
            self.bytes = max(self.bytes, self.measure())
            await asyncio.sleep(0.5)

    def stop(self) -> int:
        self.task.cancel()
        return max(self.bytes, self.measure())


async def tell_as_they_read(site: LiveEvents, listeners: list[Any], count: int) -> None:
    """As fast as those who read can, so that a busy machine makes none of them slow."""
    last = site.standing()[1]
    for told in range(AT_ONCE, count + 1, AT_ONCE):
        await asyncio.to_thread(site.tell, AT_ONCE, size=BYTES)
        await until(lambda end=last + told: all(each.ids and each.ids[-1] >= end for each in listeners), 60)


async def fill_the_ring(site: LiveEvents, listeners: list[Any]) -> int:
    """Events as large as those that count are in every buffer already; the last number."""
    last = site.standing()[1]
    await tell_as_they_read(site, listeners, 2_400)
    await all_hear(listeners, last + 1, last + 2_400)
    for listener in listeners:
        del listener.ids[:]
    return last + 2_400


async def test_stalled_client__is_cut_off_and_nobody_else_notices(
    site: LiveEvents, audience: Audience, node: str
) -> None:
    *healthy, stalled = await audience.sockets(node, HEALTHY + 1)
    last = await fill_the_ring(site, [*healthy, stalled])
    evictions = site.figure(node, "realtime_slow_evictions_total")
    before, peak = site.memory(node), Peak(lambda: site.memory(node))

    stalled.transport.pause_reading()
    began = time.monotonic()
    telling = asyncio.create_task(tell_as_they_read(site, healthy, COUNT))
    while await asyncio.to_thread(site.figure, node, "realtime_slow_evictions_total") == evictions:
        sent = (healthy[0].ids[-1] - last) * BYTES if healthy[0].ids else 0
        assert time.monotonic() - began < 10 or sent < MORE_THAN_FITS, "not cut off"
        await asyncio.sleep(0.25)
    await telling
    await all_hear(healthy, last + 1, last + COUNT, seconds=180)
    grown = peak.stop() - before
    stalled.transport.resume_reading()
    await asyncio.wait_for(asyncio.shield(stalled.closed), 60)

    assert grown < 20 * MEBIBYTE
    assert site.figure(node, "realtime_slow_evictions_total") == evictions + 1


async def test_without_bounds__the_same_client_costs_memory(site: LiveEvents, audience: Audience) -> None:
    """The control: were there not enough to hold, the test above would prove nothing."""
    command = NODES["uvicorn"].replace("coupon_site.asgi", "events.tests.proofs.without_bounds")
    with site.beside("unbounded", command):
        healthy, stalled = await audience.sockets("unbounded", 2)
        last = await fill_the_ring(site, [healthy, stalled])
        before, peak = site.memory("unbounded"), Peak(lambda: site.memory("unbounded"))

        stalled.transport.pause_reading()
        await tell_as_they_read(site, [healthy], COUNT)
        await all_hear([healthy], last + 1, last + COUNT, seconds=120)

        assert peak.stop() - before > 20 * MEBIBYTE
        for listener in (healthy, stalled):
            listener.cut()
            await listener.closed
